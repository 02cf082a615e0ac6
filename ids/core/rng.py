"""Randomness as an argument: every draw is a function of (seed, source, step, name) alone.

The generator is Philox (Salmon et al. 2011), keyed with 128 bits of a SHA-256. torch's CPU
generator keeps 32 bits of a seed, and its CUDA generator gives other numbers than the CPU.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ids.core.tensors import to_device


def generator(name: str) -> np.random.Generator:
    """The random numbers of this name: Philox keyed with 128 bits of the name's SHA-256."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))


@runtime_checkable
class Randomness(Protocol):
    """Named random numbers inside a step. A replay puts recorded ones in its place."""

    def normal(self, name: str, like: Float[Tensor, "B *dims"]) -> Float[Tensor, "B *dims"]:
        """Standard normal, in the shape, dtype and device of `like`."""
        ...

    def permutation(self, name: str, n: int) -> Int[Tensor, "B n"]:
        """A random order of 0 .. n - 1 for each row."""
        ...


@dataclass(frozen=True)
class Streams:
    """One random stream per row, at one step. No draw depends on the batch, the device, or on other
    draws and their order.
    """

    keys: tuple[str, ...]
    step: int = 0

    @classmethod
    def of(cls, seeds: int | Sequence[int], sources: Sequence[str]) -> "Streams":
        """The streams of these source images (by digest), for one seed or one seed each. All
        prompts of an image share its draws.
        """
        per_row = [seeds] * len(sources) if isinstance(seeds, int) else seeds
        return cls(tuple(f"{seed}/{name}" for seed, name in zip(per_row, sources, strict=True)))

    def at(self, step: int) -> "Streams":
        """The same streams at another step."""
        return replace(self, step=step)

    def rows(self, rows: Sequence[int]) -> "Streams":
        """The streams of these rows alone."""
        return replace(self, keys=tuple(self.keys[row] for row in rows))

    def branch(self, name: str) -> "Streams":
        """Streams that are independent of these and of other branches."""
        return replace(self, keys=tuple(f"{key}/{name}" for key in self.keys))

    def normal(self, name: str, like: Float[Tensor, "B *dims"]) -> Float[Tensor, "B *dims"]:
        """Standard normal, in the shape, dtype and device of `like`. Drawn in float32, so that
        dtype changes no draw.
        """
        rows = [
            self._generator(key, name).standard_normal(like.shape[1:], dtype=np.float32)
            for key in self.keys
        ]
        return to_device(torch.from_numpy(np.stack(rows)), like.device).to(like.dtype)

    def integers(self, name: str, low: int, high: int) -> Int[Tensor, " B"]:
        """Uniform on low .. high - 1."""
        return torch.tensor(
            [int(self._generator(key, name).integers(low, high)) for key in self.keys]
        )

    def permutation(self, name: str, n: int) -> Int[Tensor, "B n"]:
        """A random order of 0 .. n - 1 for each row."""
        return torch.from_numpy(
            np.stack([self._generator(key, name).permutation(n) for key in self.keys])
        )

    def _generator(self, key: str, name: str) -> np.random.Generator:
        return generator(f"{key}\0{self.step}\0{name}")


@dataclass(frozen=True)
class StackedRandomness:
    """The random numbers of several steps, one below the other: each part with its own rows."""

    parts: Sequence[Randomness]
    sizes: Sequence[int]  # rows of each part

    def normal(self, name: str, like: Float[Tensor, "B *dims"]) -> Float[Tensor, "B *dims"]:
        """As each part draws them for its rows."""
        pieces = zip(self.parts, like.split(list(self.sizes)), strict=True)
        return torch.cat([part.normal(name, piece) for part, piece in pieces])

    def permutation(self, name: str, n: int) -> Int[Tensor, "B n"]:
        """As each part draws them for its rows."""
        return torch.cat([part.permutation(name, n) for part in self.parts])


@dataclass(frozen=True)
class PickedRandomness:
    """The random numbers of some of `n` rows, in any order and number: row i gets those of row
    `rows[i]`.
    """

    rng: Randomness
    n: int
    rows: Sequence[int]

    def normal(self, name: str, like: Float[Tensor, "B *dims"]) -> Float[Tensor, "B *dims"]:
        """Drawn once for rows that share them."""
        drawn = self.rng.normal(name, like.new_empty((self.n, *like.shape[1:])))
        return drawn[torch.tensor(self.rows, device=like.device)]

    def permutation(self, name: str, n: int) -> Int[Tensor, "B n"]:
        """Drawn once for rows that share them."""
        return self.rng.permutation(name, n)[torch.tensor(self.rows)]
