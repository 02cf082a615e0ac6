"""Encoded prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ids.core.errors import DataError

Embedding = Float[Tensor, "B *prompt"]
Rows = slice | Int[Tensor, " rows"]


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """The texts of a batch; `DataError` for a single text, which is a sequence of letters."""
    if isinstance(texts, str):
        raise DataError(f"prompt: expected a list of texts; got one text; write [{texts[:40]!r}]")
    return texts


@dataclass(frozen=True, eq=False)
class Prompt:
    """B encoded prompts: the embedding [B, ...] that a network attends to, [B, n_tokens, channels]
    for text encoders, and further conditioning by name, each [B, ...] (SDXL: the pooled embedding
    and the image sizes). Only its backbone knows what the numbers mean.

    Two prompts are equal only if they are the same object.
    """

    embedding: Embedding
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.extra.items():
            if len(value) != len(self.embedding):
                raise ValueError(
                    f"Prompt.extra[{name!r}]: expected {len(self.embedding)} rows, one per "
                    f"embedding; got {len(value)}"
                )

    @classmethod
    def cat(cls, prompts: Sequence["Prompt"]) -> "Prompt":
        """The rows of all of them, in order. `ValueError` if their extra conditioning differs in
        names.
        """
        names = set(prompts[0].extra)
        if any(set(prompt.extra) != names for prompt in prompts):
            raise ValueError("Prompt.cat: expected prompts with the same extra conditioning")
        return cls(
            torch.cat([prompt.embedding for prompt in prompts]),
            {name: torch.cat([prompt.extra[name] for prompt in prompts]) for name in names},
        )

    @property
    def n_tokens(self) -> int:
        """L of an embedding [B, L, channels]."""
        return int(self.embedding.shape[1])

    def __len__(self) -> int:
        return len(self.embedding)

    def __getitem__(self, rows: Rows) -> "Prompt":
        """Some of the rows, always as a batch: a slice or a tensor of indices."""
        return Prompt(self.embedding[rows], {name: x[rows] for name, x in self.extra.items()})

    def repeat(self, n: int) -> "Prompt":
        """All rows, n times: a b becomes a b a b."""
        return Prompt.cat([self] * n)

    def to(self, device: torch.device) -> "Prompt":
        """On this device."""
        extra = {name: x.to(device) for name, x in self.extra.items()}
        return Prompt(self.embedding.to(device), extra)

    def with_embedding(self, embedding: Embedding) -> "Prompt":
        """The same extra conditioning with another embedding, as null-text optimization fits it."""
        return Prompt(embedding, self.extra)


class Prompts(NamedTuple):
    """The encoded prompts of an edit, B rows each; `null` is the empty or the negative prompt, from
    which classifier-free guidance leads away.
    """

    src: Prompt
    trg: Prompt
    null: Prompt
