"""Captions of scenes, and their small vocabulary."""

from collections.abc import Collection
from itertools import pairwise

import numpy as np

from ids.shapes.scene import COLOURS, FILLS, SHAPES, VALUES, Attribute, Scene

ALL: tuple[Attribute, ...] = ("fill", "colour", "shape")
WORDS = ("a", "shape", *FILLS, *COLOURS, *SHAPES)
KEEP_PROBABILITY: dict[Attribute, float] = {"fill": 0.6, "colour": 0.85, "shape": 0.9}


def caption(scene: Scene, mentioned: Collection[Attribute] = ALL) -> str:
    """`a striped red circle`, with the mentioned attributes only; a shape that is not mentioned is
    called `shape`.
    """
    adjectives = [
        getattr(scene, attribute) for attribute in ("fill", "colour") if attribute in mentioned
    ]
    return " ".join(["a", *adjectives, scene.shape if "shape" in mentioned else "shape"])


def parse_caption(text: str) -> dict[Attribute, str]:
    """The values in a caption, by attribute; empty for text with other words than this world's."""
    words = text.lower().rstrip(" .").split()
    if any(word not in WORDS for word in words):
        return {}
    return {a: word for a, values in VALUES.items() for word in words if word in values}


def draw_mentioned(rng: np.random.Generator) -> tuple[Attribute, ...]:
    """The attributes that a training caption mentions."""
    return tuple(a for a in ALL if rng.random() < KEEP_PROBABILITY[a])


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary (piece -> id) and merges of a CLIP byte-pair tokenizer in which every word of this
    world is one token. Other words of Latin letters are split into known pieces.
    """
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = dict.fromkeys([*letters, *(f"{c}</w>" for c in letters)])
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        # Later merges rank behind earlier ones: a new word cannot split an earlier one.
        parts = _merge([*word[:-1], f"{word[-1]}</w>"], merges)
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            parts = [parts[0] + parts[1], *parts[2:]]
            pieces[parts[0]] = None
    tokens = [*pieces, "<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def _merge(parts: list[str], merges: list[tuple[str, str]]) -> list[str]:
    """Byte-pair encoding: apply the earliest applicable merge until none is left."""
    while True:
        rank, at = min(
            ((merges.index(pair), i) for i, pair in enumerate(pairwise(parts)) if pair in merges),
            default=(-1, -1),
        )
        if rank < 0:
            return parts
        parts = [*parts[:at], parts[at] + parts[at + 1], *parts[at + 2 :]]
