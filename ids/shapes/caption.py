"""Captions of scenes, and their small vocabulary."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from ids.shapes.scene import (
    BACKGROUNDS,
    COLOURS,
    FILLS,
    SHAPES,
    VALUES,
    Attribute,
    Scene,
    WideAttribute,
)

ALL: tuple[Attribute, ...] = ("fill", "colour", "shape")
WORDS = ("a", "shape", *FILLS, *COLOURS, *SHAPES)
NOTHING, ON = "nothing", "on"
WIDE_WORDS = (ON, NOTHING, *BACKGROUNDS)  # of wide captions alone
KEEP_PROBABILITY: dict[Attribute, float] = {"fill": 0.6, "colour": 0.85, "shape": 0.9}


def caption(scene: Scene, mentioned: Collection[Attribute] = ALL) -> str:
    """`a striped red circle`, with the mentioned attributes only; a shape that is not mentioned is
    called `shape`.
    """
    adjectives = [
        getattr(scene, attribute) for attribute in ("fill", "colour") if attribute in mentioned
    ]
    return " ".join(["a", *adjectives, scene.shape if "shape" in mentioned else "shape"])


def wide_caption(scene: Scene, mentioned: Collection[Attribute] = ALL) -> str:
    """`a striped red circle on checker`: the caption and the kind of the background. An empty scene
    is `nothing on checker`.
    """
    what = NOTHING if scene.is_empty else caption(scene, mentioned)
    return f"{what} {ON} {scene.background.kind}"


def parse_caption(text: str) -> dict[Attribute, str]:
    """The values in a caption, by attribute; empty for text with other words than this world's."""
    words = text.lower().rstrip(" .").split()
    if any(word not in WORDS for word in words):
        return {}
    return {a: word for a, values in VALUES.items() for word in words if word in values}


def parse_wide_caption(text: str) -> dict[WideAttribute, str]:
    """The values in a wide caption, by attribute; empty for any other text."""
    what, _, kind = text.lower().rstrip(" .").partition(f" {ON} ")
    if kind not in BACKGROUNDS:
        return {}
    if what == NOTHING:
        return {"object": "absent", "background": kind}
    named = parse_caption(what)
    found: dict[WideAttribute, str] = {a: named[a] for a in ALL if a in named}
    return found | {"object": "present", "background": kind} if named else {}


def draw_mentioned(rng: np.random.Generator) -> tuple[Attribute, ...]:
    """The attributes that a training caption mentions."""
    return tuple(a for a in ALL if rng.random() < KEEP_PROBABILITY[a])


def vocabulary(more: Sequence[str] = ()) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary (piece -> id) and merges of a CLIP byte-pair tokenizer in which every word of this
    world is one token. Other words of Latin letters are split into known pieces. `more` words are
    appended: all others keep their ids.
    """
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = dict.fromkeys([*letters, *(f"{c}</w>" for c in letters)])
    merges: list[tuple[str, str]] = []
    _learn(WORDS, pieces, merges)
    pieces |= dict.fromkeys(["<|startoftext|>", "<|endoftext|>"])
    _learn(more, pieces, merges)
    return {token: i for i, token in enumerate(pieces)}, merges


def _learn(words: Sequence[str], pieces: dict[str, None], merges: list[tuple[str, str]]) -> None:
    """Append the pieces and merges that make every word one token."""
    for word in words:
        # Later merges rank behind earlier ones: a new word cannot split an earlier one.
        parts = _merge([*word[:-1], f"{word[-1]}</w>"], merges)
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            parts = [parts[0] + parts[1], *parts[2:]]
            pieces[parts[0]] = None


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
