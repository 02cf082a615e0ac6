"""CLIP through open_clip. All metrics of one configuration share one network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.images import to_pil
from ids.metrics.clip_network import open_network, uncut_ids
from ids.metrics.clip_pixels import Pixels, normalizer
from ids.metrics.clip_source import Features, LoadedClip, Tokens
from ids.metrics.clip_weights import (
    FOLDER,
    HUB,
    OPENAI,
    ClipWeights,
    find_weights,
    needed_files,
)
from ids.metrics.feature_cache import AnyImage
from ids.shapes import WEIGHTS
from ids.shapes.caption import parse_caption

SHAPES = "shapes"


@dataclass(frozen=True)
class Clip:
    """`model` is a name that open_clip knows, `local-dir:FOLDER` or `hf-hub:REPOSITORY` in
    open_clip's layout, `openai`, or `shapes`, the network of the embedded world. `checkpoint` is,
    for a name, a file, or a tag such as `openai` that is fetched from the hub or its cache;
    otherwise null.

    A tag sets activation and preprocessing. With a file, the model's name sets the activation
    (OpenAI's weights belong to `ViT-L-14-quickgelu`), and preprocessing is OpenAI's. A folder has a
    configuration for both. `openai` reads the architecture from the shapes in a file with OpenAI's
    names; `vocabulary` is its file of byte-pair merges, null for OpenAI's.
    """

    model: str = "ViT-L-14-quickgelu"
    checkpoint: str | None = "openai"
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        whole = self.model == SHAPES or self.model.startswith((FOLDER, HUB))
        if whole and self.checkpoint is not None:
            raise ValueError(
                f"clip.checkpoint: expected null, as {self.model} contains its weights; "
                f"got {self.checkpoint!r}; set clip.checkpoint=null"
            )
        if self.vocabulary is not None and self.model != OPENAI:
            raise ValueError(
                f"clip.vocabulary: expected null, as {self.model} has a tokenizer; "
                f"got {self.vocabulary!r}; set clip.vocabulary=null, or clip.model={OPENAI}"
            )

    def weights_id(self) -> str:
        """Model, and digest of weights and preprocessing. `WeightsError` where a file is missing,
        `ConfigError` for an unknown model.
        """
        name = "shapes-clip" if self.model == SHAPES else Path(self.model).name
        return f"{name}-{self._weights().digest()}"

    def understands(self, prompt: str) -> bool:
        """The CLIP of the embedded world knows that world's words only."""
        return self.model != SHAPES or bool(parse_caption(prompt))

    def load(self, models: Models) -> LoadedClip:
        """The one network of this configuration."""
        return models.get(self, lambda: self.open(models.device))

    def open(self, device: torch.device) -> LoadedClip:
        """A new copy of the network. `WeightsError` where the weights do not fit or hold NaN."""
        model, preprocess, tokenize = open_network(self._weights())
        return LoadedClip(OpenClipNetwork(model.to(device), preprocess, tokenize, device))

    def files(self) -> list[NeededFile]:
        """The network's weights and configuration."""
        return needed_files(self._model, self.checkpoint, self.vocabulary)

    @property
    def _model(self) -> str:
        return f"{FOLDER}{WEIGHTS / 'clip'}" if self.model == SHAPES else self.model

    def _weights(self) -> ClipWeights:
        return find_weights(self._model, self.checkpoint, self.vocabulary)


@dataclass(frozen=True)
class OpenClipNetwork:
    """A network of open_clip with its preprocessing and its tokenizer."""

    model: Any
    preprocess: Any
    tokenize: Any
    device: torch.device

    @property
    def side(self) -> int:
        """Of the square input, in pixels."""
        size = self.model.visual.image_size
        return int(size[0] if isinstance(size, tuple | list) else size)

    @property
    def context(self) -> int:
        """The number of tokens of the longest prompt."""
        return int(self.model.context_length)

    def normalize(self, image: AnyImage) -> AnyImage:
        """By mean and deviation of the network's images."""
        last = self.preprocess.transforms[-1]
        return normalizer(last.mean, last.std)(image)

    def pixels(self, image: AnyImage) -> Pixels:
        """By open_clip's preprocessing, on 8 bits."""
        pixels: Pixels = self.preprocess(to_pil(image))
        return pixels

    def tokens(self, prompts: Sequence[str]) -> Tokens:
        """By its tokenizer."""
        tokens: Tokens = self.tokenize(list(prompts))
        return tokens

    def token_ids(self, prompt: str) -> list[int]:
        """From start to end token, not cut."""
        return uncut_ids(self.tokenize, prompt)

    def image_features(self, pixels: torch.Tensor) -> Features:
        """Projected."""
        features: Features = self.model.encode_image(pixels)
        return features

    def text_features(self, tokens: Tokens) -> Features:
        """Projected."""
        features: Features = self.model.encode_text(tokens)
        return features
