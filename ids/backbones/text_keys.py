"""Keys and values of cross-attention, which depend on the prompt alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

KEPT = 3  # texts: an edit has those of its source and its target at every step
LIMIT = 64 * 2**20  # bytes of a text's keys and values; larger ones are computed at every call

Pairs = Mapping[nn.Module, tuple[Tensor, Tensor]]


def heads(x: Tensor, attention: Any) -> Tensor:
    """[B, n, heads x channels] to [B, heads, n, channels]."""
    apart: Tensor = x.unflatten(2, (attention.heads, -1))
    return apart.transpose(1, 2)


class _Known(NamedTuple):
    """A text as it was, and its pairs: those of its distinct rows. Row i is the distinct row number
    `of_row[i]`; None if all rows are distinct. The text is held so that no other tensor gets its
    address.
    """

    text: Tensor
    version: int
    pairs: Pairs
    of_row: Tensor | None

    def matches(self, text: Tensor) -> bool:
        """Are these the same numbers in the same memory?"""
        mine = self.text
        return (
            mine.data_ptr() == text.data_ptr()
            and self.version == text._version
            and (mine.shape, mine.stride(), mine.dtype) == (text.shape, text.stride(), text.dtype)
        )


@dataclass
class TextKeys:
    """Attention -> keys and values [B, heads, n_tokens, channels] of a text [B, n_tokens, width],
    for frozen `attentions`. Those of the latest texts are kept, a row for each distinct prompt,
    unless they need a gradient or are large.
    """

    attentions: Sequence[Any] = field(repr=False)
    _known: tuple[_Known, ...] = field(default=(), init=False, repr=False)

    def __call__(self, text: Tensor) -> Pairs:
        """The pairs of all attentions."""
        if text.is_inference() or (text.requires_grad and torch.is_grad_enabled()):
            return self._pairs(text)
        found = next((known for known in self._known if known.matches(text)), None)
        if found is None:
            found = self._computed(text)
            if self._size(len(next(iter(found.pairs.values()))[0]), text) <= LIMIT:
                self._known = (*self._known[1 - KEPT :], found)
        if found.of_row is None:
            return found.pairs
        at = found.of_row
        return {attention: (k[at], v[at]) for attention, (k, v) in found.pairs.items()}

    @torch.no_grad()
    def _computed(self, text: Tensor) -> _Known:
        rows, of_row = torch.unique(text, dim=0, return_inverse=True)
        if len(rows) == len(text):
            return _Known(text, text._version, self._pairs(text), None)
        return _Known(text, text._version, self._pairs(rows), of_row)

    def _pairs(self, text: Tensor) -> Pairs:
        return {m: (heads(m.to_k(text), m), heads(m.to_v(text), m)) for m in self.attentions}

    def _size(self, rows: int, text: Tensor) -> int:
        """Bytes."""
        channels = sum(m.to_k.out_features + m.to_v.out_features for m in self.attentions)
        return rows * text.shape[1] * int(channels) * text.element_size()
