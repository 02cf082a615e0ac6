"""The CLIP that compares images and prompts (Radford et al. 2021), through open_clip. All metrics
of one configuration share one network.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.images import to_pil
from ids.metrics.clip_network import open_network
from ids.metrics.clip_weights import FOLDER, HUB, ClipWeights, find_weights, needed_files
from ids.shapes import WEIGHTS
from ids.shapes.caption import parse_caption

SHAPES = "shapes"
REMEMBERED = 256  # features, of a kilobyte or three
AnyImage = Float[Tensor, "3 _ _"]  # sizes may differ in one batch
Feature = Float[Tensor, " D"]
Features = Float[Tensor, "B D"]


@dataclass(frozen=True)
class Clip:
    """`model` is a name that open_clip knows, `local-dir:FOLDER` or `hf-hub:REPOSITORY` in
    open_clip's layout, or `shapes`, the network of the embedded world. `checkpoint` is, for a name,
    a file, or a tag such as `openai` that is fetched from the hub or its cache; otherwise null.

    A tag sets activation and preprocessing. With a file, the model's name sets the activation
    (OpenAI's weights belong to `ViT-L-14-quickgelu`), and preprocessing is OpenAI's. A folder has a
    configuration for both.
    """

    model: str = "ViT-L-14-quickgelu"
    checkpoint: str | None = "openai"

    def __post_init__(self) -> None:
        whole = self.model == SHAPES or self.model.startswith((FOLDER, HUB))
        if whole and self.checkpoint is not None:
            raise ValueError(
                f"clip.checkpoint: expected null, as {self.model} contains its weights; "
                f"got {self.checkpoint!r}; set clip.checkpoint=null"
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

    def load(self, models: Models) -> "LoadedClip":
        """The one network of this configuration."""
        return models.get(self, lambda: self.open(models.device))

    def open(self, device: torch.device) -> "LoadedClip":
        """A new copy of the network. `WeightsError` where the weights do not fit or hold NaN."""
        network, preprocess, tokenize = open_network(self._weights())
        return LoadedClip(network.to(device), preprocess, tokenize, device)

    def files(self) -> list[NeededFile]:
        """The network's weights and configuration."""
        return needed_files(self._model, self.checkpoint)

    @property
    def _model(self) -> str:
        return f"{FOLDER}{WEIGHTS / 'clip'}" if self.model == SHAPES else self.model

    def _weights(self) -> ClipWeights:
        return find_weights(self._model, self.checkpoint)


@dataclass(frozen=True)
class LoadedClip:
    """Unit features of images and prompts, on the CPU. The newest features are remembered: several
    metrics need the same ones.
    """

    network: Any
    preprocess: Any
    tokenize: Any
    device: torch.device
    _remembered: dict[str, Feature] = field(default_factory=dict)

    def images(self, images: Sequence[AnyImage]) -> Features:
        """Of RGB images in [0, 1], rounded to 8 bits; they may differ in size."""
        keys = [hashlib.sha256(x.contiguous().cpu().numpy().tobytes()).hexdigest() for x in images]
        return self._features(keys, images, self._encode_images)

    def texts(self, prompts: Sequence[str]) -> Features:
        """Of prompts, cut at the length of the network's context."""
        return self._features([f"text {prompt}" for prompt in prompts], prompts, self._encode_texts)

    def _features(
        self, keys: Sequence[str], items: Sequence[Any], encode: Callable[[list[Any]], Features]
    ) -> Features:
        """Unknown items are encoded in one batch."""
        known = self._remembered
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        if new:
            known.update(zip(new, encode(list(new.values())).cpu(), strict=True))
        features = torch.stack([known[key] for key in keys])
        for oldest in list(known)[: max(len(known) - REMEMBERED, 0)]:
            del known[oldest]
        return features

    @torch.no_grad()
    def _encode_images(self, images: list[AnyImage]) -> Features:
        x = torch.stack([self.preprocess(to_pil(image)) for image in images]).to(self.device)
        features: Features = self.network.encode_image(x, normalize=True)
        return features

    @torch.no_grad()
    def _encode_texts(self, prompts: list[str]) -> Features:
        tokens = self.tokenize(prompts).to(self.device)
        features: Features = self.network.encode_text(tokens, normalize=True)
        return features
