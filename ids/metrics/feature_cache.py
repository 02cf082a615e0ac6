"""The features of images that several metrics, or several edits of one source, need."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

T = TypeVar("T")
AnyImage = Float[Tensor, "3 _ _"]  # RGB in [0, 1]; sizes may differ in one batch


@dataclass(frozen=True)
class FeatureCache:
    """The newest `size` features, by key."""

    size: int
    _known: dict[Hashable, Tensor] = field(default_factory=dict)

    def __call__(
        self, keys: Sequence[Hashable], items: Sequence[T], encode: Callable[[list[T]], Tensor]
    ) -> Tensor:
        """One row per item; `encode` gets the unknown ones in one batch."""
        known = self._known
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        if new:  # cloned: a row of a batch would keep the whole batch in memory
            known.update((k, x.clone()) for k, x in zip(new, encode([*new.values()]), strict=True))
        rows = torch.stack([known[key] for key in keys])
        for oldest in list(known)[: max(len(known) - self.size, 0)]:
            del known[oldest]
        return rows


def image_digest(image: AnyImage) -> str:
    """SHA-256 of shape and pixels, in hexadecimal."""
    pixels = image.contiguous().cpu().numpy()
    return hashlib.sha256(f"{tuple(image.shape)}/".encode() + pixels.tobytes()).hexdigest()
