"""The CLIP that judges images by words (Radford et al. 2021), through open_clip. All metrics of
one configuration share one network.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.tensors import Image
from ids.core.weight_files import Stamp, stamp
from ids.images import to_pil
from ids.metrics.clip_network import open_network
from ids.metrics.clip_weights import FOLDER, HUB, ClipWeights, find_weights, needed_files
from ids.metrics.weights import judging_device
from ids.shapes import WEIGHTS
from ids.shapes.caption import parse_caption

SHAPES = "shapes"
REMEMBERED = 8  # images whose features are kept
Feature = Float[Tensor, " D"]


@dataclass(frozen=True)
class Clip:
    """`model` is a name open_clip knows, `local-dir:FOLDER` or `hf-hub:REPOSITORY` in open_clip's
    layout, or `shapes`, the embedded world's own. `checkpoint` is, for a name, a file or a tag such
    as `openai`, which is taken from the hub or its cache; else null.

    A tag brings its activation and preprocessing along. A file is taken at its model's word:
    OpenAI's weights belong to `ViT-L-14-quickgelu`, and images are prepared as OpenAI's are; a
    folder states its own.
    """

    model: str = "ViT-L-14-quickgelu"
    checkpoint: str | None = "openai"

    def __post_init__(self) -> None:
        whole = self.model == SHAPES or self.model.startswith((FOLDER, HUB))
        if whole and self.checkpoint is not None:
            raise ValueError(
                f"clip.checkpoint: expected null, as {self.model} has weights of its own; "
                f"got {self.checkpoint!r}; set clip.checkpoint=null"
            )

    def weights_id(self) -> str:
        """Model, and digest of weights and preprocessing. Loads the network, so that what does not
        fit is known before the first edit; the shipped one is known to fit.
        """
        if self.model == SHAPES:
            return f"shapes-clip-{self._weights().digest()}"
        self.load()
        return f"{Path(self.model).name}-{self._weights().digest()}"

    def understands(self, prompt: str) -> bool:
        """The embedded world's CLIP knows no other word."""
        return self.model != SHAPES or bool(parse_caption(prompt))

    def load(self) -> "LoadedClip":
        """The one network of this configuration."""
        weights = self._weights()
        files = (weights.file, *weights.vocabulary)
        return _loaded(self, weights.layout, *map(stamp, files))

    def _weights(self) -> ClipWeights:
        model = f"{FOLDER}{WEIGHTS / 'clip'}" if self.model == SHAPES else self.model
        return find_weights(model, self.checkpoint)

    def files(self) -> list[NeededFile]:
        """The network's weights and configuration."""
        folder = f"{FOLDER}{WEIGHTS / 'clip'}"
        return needed_files(folder if self.model == SHAPES else self.model, self.checkpoint)


@dataclass(frozen=True)
class LoadedClip:
    """Unit vectors of images and of words."""

    network: Any
    preprocess: Any
    tokenize: Any
    device: torch.device
    _texts: dict[str, Feature] = field(default_factory=dict)
    _images: dict[str, Feature] = field(default_factory=dict)

    def image_feature(self, image: Image) -> Feature:
        """The last images are remembered: several metrics ask for the same."""
        content = hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()
        if content not in self._images:
            if len(self._images) >= REMEMBERED:
                self._images.pop(next(iter(self._images)))
            self._images[content] = self._compute(image)
        return self._images[content]

    @torch.no_grad()
    def _compute(self, image: Image) -> Feature:
        x = self.preprocess(to_pil(image))
        feature: Feature = self.network.encode_image(
            x.unsqueeze(0).to(self.device), normalize=True
        )[0].cpu()
        return feature

    @torch.no_grad()
    def text(self, prompt: str) -> Feature:
        if prompt not in self._texts:
            tokens = self.tokenize([prompt]).to(self.device)
            self._texts[prompt] = self.network.encode_text(tokens, normalize=True)[0].cpu()
        return self._texts[prompt]


@cache
def _loaded(clip: Clip, layout: str, *stamps: Stamp) -> LoadedClip:
    """Opened again where one of its files has changed."""
    weights = clip._weights()
    network, preprocess, tokenize = open_network(weights)
    device = judging_device()
    return LoadedClip(network.to(device), preprocess, tokenize, device)
