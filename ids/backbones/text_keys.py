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
    """A text as it was at the `versions`, and its pairs: those of its distinct rows. Row i is the
    distinct row number `of_row[i]`; None if all rows are distinct. The text is held so that no
    other tensor gets its address.
    """

    text: Tensor
    versions: int
    pairs: Pairs
    of_row: Tensor | None

    def matches(self, text: Tensor, versions: int) -> bool:
        """Are these the same numbers in the same memory?"""
        mine = self.text
        return (
            mine.data_ptr() == text.data_ptr()
            and self.versions == versions
            and (mine.shape, mine.stride(), mine.dtype) == (text.shape, text.stride(), text.dtype)
        )


@dataclass
class TextKeys:
    """Attention -> keys and values [B, heads, n_tokens, channels] of a text [B, n_tokens, width],
    for frozen `attentions`. Those of the latest texts are kept, a row for each distinct prompt,
    unless they are large, need a gradient, or are computed in inference mode or under autocast.
    """

    attentions: Sequence[Any] = field(repr=False)
    _weights: Sequence[Tensor] = field(init=False, repr=False)
    _known: tuple[_Known, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        layers = (layer for m in self.attentions for layer in (m.to_k, m.to_v))
        self._weights = [p for layer in layers for p in layer.parameters()]

    def __call__(self, text: Tensor) -> Pairs:
        """The pairs of all attentions."""
        if _for_one_call(text):
            return self._pairs(text)
        versions = sum(x._version for x in (text, *self._weights))  # each one only grows
        found = next((known for known in self._known if known.matches(text, versions)), None)
        if found is None:
            found = self._computed(text, versions)
            if sum(x.nbytes for pair in found.pairs.values() for x in pair) <= LIMIT:
                self._known = (*self._known[1 - KEPT :], found)
        if found.of_row is None:
            return found.pairs
        at = found.of_row
        return {attention: (k[at], v[at]) for attention, (k, v) in found.pairs.items()}

    @torch.no_grad()
    def _computed(self, text: Tensor, versions: int) -> _Known:
        rows, of_row = torch.unique(text, dim=0, return_inverse=True)
        if len(rows) == len(text):
            return _Known(text, versions, self._pairs(text), None)
        return _Known(text, versions, self._pairs(rows), of_row)

    def _pairs(self, text: Tensor) -> Pairs:
        return {m: (heads(m.to_k(text), m), heads(m.to_v(text), m)) for m in self.attentions}


def _for_one_call(text: Tensor) -> bool:
    """Do its keys need a gradient, or do they depend on more than the text and the weights?"""
    inference = torch.is_inference_mode_enabled() or text.is_inference()
    gradient = text.requires_grad and torch.is_grad_enabled()
    return inference or gradient or torch.is_autocast_enabled(text.device.type)
