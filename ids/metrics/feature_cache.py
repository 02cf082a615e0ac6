"""What several metrics, or several edits of one source, need of an image: computed once."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ids.core.tensors import version_of

T = TypeVar("T")
AnyImage = Float[Tensor, "3 _ _"]  # RGB in [0, 1]; sizes may differ in one batch


@dataclass(frozen=True)
class FeatureCache:
    """The `size` features that were used last, by key."""

    size: int
    _known: dict[Hashable, Tensor] = field(default_factory=dict)
    _digests: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)

    def __call__(
        self, keys: Sequence[Hashable], items: Sequence[T], encode: Callable[[list[T]], Tensor]
    ) -> Tensor:
        """One row per item; `encode` gets the unknown ones in one batch."""
        known = self._known
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        if new:  # cloned: a row of a batch would keep the whole batch in memory
            known.update((k, x.clone()) for k, x in zip(new, encode([*new.values()]), strict=True))
        rows = torch.stack([known[key] for key in keys])
        for key in dict.fromkeys(keys):  # a source is used again and again: it stays
            known[key] = known.pop(key)
        for oldest in list(known)[: max(len(known) - self.size, 0)]:
            del known[oldest]
        return rows

    def digest(self, image: AnyImage) -> str:
        """Of an image in memory. Its pixels are read once, for all metrics that get this tensor,
        and again after they were changed in place.
        """
        version = version_of(image)
        if self._digests.get(image, ("", None))[1] != version:
            self._digests[image] = image_digest(image), version
        digest: str = self._digests[image][0]
        return digest


@dataclass(frozen=True)
class TensorCache:
    """The newest `size` values of tensors in memory. Equal tensors are those that are the same
    object, not written to since; they are held as long as their value.
    """

    size: int
    _known: dict[tuple[tuple[int, float], ...], tuple[tuple[Tensor, ...], Any]] = field(
        default_factory=dict
    )

    def __call__(self, tensors: tuple[Tensor, ...], compute: Callable[[], T]) -> T:
        """The value of these tensors; `compute` gives a new one."""
        key = tuple((id(x), version_of(x)) for x in tensors)
        if key not in self._known:
            self._known[key] = tensors, compute()
            for oldest in list(self._known)[: -self.size]:
                del self._known[oldest]
        value: T = self._known[key][1]
        return value


def image_digest(image: AnyImage) -> str:
    """SHA-256 of shape and pixels, in hexadecimal."""
    pixels = image.contiguous().cpu().numpy()
    return hashlib.sha256(f"{tuple(image.shape)}/".encode() + pixels.tobytes()).hexdigest()
