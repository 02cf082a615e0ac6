"""The edits of the embedded world: a scene before and after, and the prompts of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ids.shapes.caption import ALL, caption, wide_caption
from ids.shapes.scene import BACKGROUNDS, VALUES, Attribute, Scene, draw_background, draw_scene

Kind = Literal["fill", "colour", "shape", "both", "background", "add", "remove"]
Wording = Literal["exact", "paraphrased", "vague", "wrong", "wide"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHANGED: dict[Kind, tuple[Attribute, ...]] = {
    "fill": ("fill",),
    "colour": ("colour",),
    "shape": ("shape",),
    "both": ("colour", "shape"),
}  # the attributes that an edit changes; the other kinds change what no attribute names
UNKNOWN = "a"  # an empty scene to the shipped networks, which have seen no such scene


@dataclass(frozen=True)
class SceneEdit:
    """A scene, the true edit, and the prompts of both."""

    before: Scene
    after: Scene
    prompt_src: str
    prompt_trg: str
    subjects: tuple[str, str] | None = None  # the words for what changes; None: the objects

    @property
    def blend_words(self) -> tuple[str, str] | None:
        """The subjects, where both prompts name them."""
        old, new = self.subjects or (self.before.shape, self.after.shape)
        named = old in self.prompt_src.split() and new in self.prompt_trg.split()
        return (old, new) if named else None


def kinds_of(wording: Wording) -> tuple[Kind, ...]:
    """The kinds of edits that have this wording: no attribute names a background or an absent
    object, and a wrong fill, one of two, would be the target's.
    """
    if wording in ("exact", "wide"):
        return KINDS
    return tuple(kind for kind in CHANGED if (kind, wording) != ("fill", "wrong"))


def draw_edit(rng: np.random.Generator, kind: Kind, wording: Wording = "exact") -> SceneEdit:
    """A random scene and a random edit of this kind. `wording` is that of the source prompt, one
    that the kind has (`kinds_of`): the source's caption, the same in another order, without the
    changed attributes, or with wrong values of them. `wide`: the wide captions of both scenes.
    """
    if wording == "wide":
        return _widely_worded(draw_edit(rng, kind))
    scene = draw_scene(rng)
    if kind in CHANGED:
        return _attributes_changed(rng, scene, CHANGED[kind], wording)
    if kind == "background":
        return _background_changed(rng, scene)
    empty, text = scene.without_object(), caption(scene)
    if kind == "add":
        return SceneEdit(empty, scene, UNKNOWN, text)
    return SceneEdit(scene, empty, text, UNKNOWN)


def _widely_worded(edit: SceneEdit) -> SceneEdit:
    grounds = (edit.before.background.kind, edit.after.background.kind)
    return replace(
        edit,
        prompt_src=wide_caption(edit.before),
        prompt_trg=wide_caption(edit.after),
        subjects=grounds if grounds[0] != grounds[1] else None,
    )


def _attributes_changed(
    rng: np.random.Generator, before: Scene, changed: Sequence[Attribute], wording: Wording
) -> SceneEdit:
    after = _redrawn(rng, before, changed, [before])
    source: dict[Wording, Callable[[], str]] = {
        "exact": lambda: caption(before),
        "paraphrased": lambda: _reordered(before),
        "vague": lambda: caption(before, [a for a in ALL if a not in changed]),
        "wrong": lambda: caption(_redrawn(rng, before, changed, [before, after])),
    }
    return SceneEdit(before, after, source[wording](), caption(after))


def _redrawn(
    rng: np.random.Generator, scene: Scene, changed: Sequence[Attribute], unlike: Sequence[Scene]
) -> Scene:
    """The scene with other values of the changed attributes than these scenes have."""
    for attribute in changed:
        taken = [getattr(one, attribute) for one in unlike]
        others = [value for value in VALUES[attribute] if value not in taken]
        scene = scene.with_attribute(attribute, others[rng.integers(len(others))])
    return scene


def _reordered(scene: Scene) -> str:
    """The colour before the fill: no training caption has this order."""
    return f"a {scene.colour} {scene.fill} {scene.shape}"


def _background_changed(rng: np.random.Generator, before: Scene) -> SceneEdit:
    """A background of another kind. The shipped networks read its unknown words as letters."""
    old = before.background.kind
    new = draw_background(rng)
    kinds = [kind for kind in BACKGROUNDS if kind != old]
    after = replace(before, background=replace(new, kind=kinds[rng.integers(len(kinds))]))
    return SceneEdit(before, after, wide_caption(before), wide_caption(after))
