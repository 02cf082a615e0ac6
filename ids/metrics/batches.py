"""Batches with gaps: undefined cases are left out, images of one shape run together."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def over_defined(
    items: Sequence[T | None], run: Callable[[list[T]], Iterable[float]]
) -> list[float]:
    """`run` on the items that are not None, in one call; nan for the others."""
    defined = [item for item in items if item is not None]
    values = iter(run(defined) if defined else ())
    return [math.nan if item is None else next(values) for item in items]


def over_shapes(items: Sequence[tuple[Tensor, ...]], run: Callable[..., Tensor]) -> list[Tensor]:
    """One row of `run`'s result per item, on the CPU. Items whose tensors have the same shapes are
    stacked into one batch, [B, ...] per tensor.
    """
    by_shape: dict[tuple[torch.Size, ...], list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        by_shape[tuple(tensor.shape for tensor in item)].append(index)
    rows: dict[int, Tensor] = {}
    for indices in by_shape.values():
        stacks = (torch.stack(part) for part in zip(*(items[i] for i in indices), strict=True))
        rows |= zip(indices, run(*stacks).cpu(), strict=True)
    return [rows[index] for index in range(len(items))]
