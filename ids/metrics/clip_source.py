"""What metrics need of a CLIP (Radford et al. 2021), whichever library builds its network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.metrics.clip_pixels import ImageInput, Pixels
from ids.metrics.feature_cache import AnyImage, FeatureCache

REMEMBERED = 256  # features, of a kilobyte or three
Features = Float[Tensor, "B D"]
Tokens = Int[Tensor, "B n_tokens"]


@runtime_checkable
class ClipNetwork(ImageInput, Protocol):
    """A network with its preprocessing and its tokenizer, on one device."""

    @property
    def device(self) -> torch.device: ...
    @property
    def context(self) -> int:
        """The number of tokens of the longest prompt, with start and end token."""
        ...

    def pixels(self, image: AnyImage) -> Pixels:
        """The preprocessing that belongs to the weights."""
        ...

    def tokens(self, prompts: Sequence[str]) -> Tokens:
        """Padded, and cut with the end token kept."""
        ...

    def token_ids(self, prompt: str) -> list[int]:
        """From start to end token, not cut."""
        ...

    def image_features(self, pixels: Float[Tensor, "B 3 side side"]) -> Features:
        """Projected; not of unit length."""
        ...

    def text_features(self, tokens: Tokens) -> Features:
        """Projected, as read at the end token; not of unit length."""
        ...


@runtime_checkable
class ClipSource(Protocol):
    """The configuration of a CLIP, group `clip`. Constructing it reads no weights."""

    def weights_id(self) -> str:
        """The network, and a digest of all that decides its numbers. `WeightsError` where a file
        is missing.
        """
        ...

    def understands(self, prompt: str) -> bool:
        """Is this prompt of the kind that the network was trained on?"""
        ...

    def files(self) -> list[NeededFile]:
        """The network's weights and configuration."""
        ...

    def load(self, models: Models) -> "LoadedClip":
        """The one network of this configuration. `WeightsError` where weights do not fit."""
        ...


ToPixels = Callable[[ClipNetwork, AnyImage], Pixels]
ToTokens = Callable[[ClipNetwork, Sequence[str]], Tokens]


def default_pixels(network: ClipNetwork, image: AnyImage) -> Pixels:
    """The preprocessing that belongs to the weights."""
    return network.pixels(image)


def default_tokens(network: ClipNetwork, prompts: Sequence[str]) -> Tokens:
    """The tokenizer's padding and cut."""
    return network.tokens(prompts)


def cut_without_end(network: ClipNetwork, prompts: Sequence[str]) -> Tokens:
    """Long prompts lose their end token, and with it their text: the feature is then read at the
    start token (torchmetrics' CLIPScore, as PIE-Bench's evaluation calls it).
    """
    return _padded(network, [network.token_ids(prompt)[: network.context] for prompt in prompts])


def cut_with_end(network: ClipNetwork, prompts: Sequence[str]) -> Tokens:
    """Long prompts are cut before their end token (OpenAI's `tokenize` with truncation)."""
    ids = [network.token_ids(prompt) for prompt in prompts]
    return _padded(network, [[*row[:-1][: network.context - 1], row[-1]] for row in ids])


def _padded(network: ClipNetwork, ids: Sequence[Sequence[int]]) -> Tokens:
    """With 0, after the token at which features are read: it cannot change them."""
    rows = [[*row, *[0] * (network.context - len(row))] for row in ids]
    return torch.tensor(rows, dtype=torch.long).view(len(rows), network.context)


@dataclass(frozen=True)
class LoadedClip:
    """Features of unit length, on the CPU. The newest ones are remembered: several metrics need the
    same ones.
    """

    network: ClipNetwork
    _remembered: FeatureCache = field(default_factory=lambda: FeatureCache(REMEMBERED))

    def images(self, images: Sequence[AnyImage], to_pixels: ToPixels = default_pixels) -> Features:
        """Of RGB images in [0, 1], of any sizes; by default with the preprocessing that belongs to
        the weights, which rounds to 8 bits.
        """

        def encode(new: list[AnyImage]) -> Features:
            pixels = [to_pixels(self.network, image) for image in new]
            return _unit(self.network.image_features, torch.stack(pixels), self.network.device)

        keys = [(to_pixels, self._remembered.digest(image)) for image in images]
        return self._remembered(keys, images, encode)

    def texts(self, prompts: Sequence[str], to_tokens: ToTokens = default_tokens) -> Features:
        """Of prompts, cut at the length of the network's context."""

        def encode(new: list[str]) -> Features:
            tokens = to_tokens(self.network, new)
            return _unit(self.network.text_features, tokens, self.network.device)

        return self._remembered([(to_tokens, prompt) for prompt in prompts], prompts, encode)


@torch.no_grad()
def _unit(run: Callable[[Tensor], Features], items: Tensor, device: torch.device) -> Features:
    return F.normalize(run(items.to(device)), dim=1).cpu()
