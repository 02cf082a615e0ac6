"""The grammar of the embedded world: the content of a scene, and its random generation.

A scene is one captioned object (fill, colour, shape) of any position, size and rotation, in front
of a muted background and beside a black or white distractor, which no caption mentions. The
caption under-specifies the image on purpose: the rest is the identity that an edit should keep.

Lengths are in half image widths: the image spans [-1, 1] in x (right) and y (down), whatever
its size in pixels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

SHAPES = ("circle", "square", "triangle", "ring", "cross", "heart")
COLOURS = ("red", "yellow", "green", "cyan", "blue", "purple")
FILLS = ("plain", "striped")
BACKGROUNDS = ("gradient", "stripes", "checker")

Attribute = Literal["fill", "colour", "shape"]
VALUES: dict[Attribute, tuple[str, ...]] = {"fill": FILLS, "colour": COLOURS, "shape": SHAPES}
WideAttribute = Literal[Attribute, "background", "object"]  # all that a wide caption names
WIDE_VALUES: dict[WideAttribute, tuple[str, ...]] = {
    "fill": FILLS,
    "colour": COLOURS,
    "shape": SHAPES,
    "background": BACKGROUNDS,
    "object": ("absent", "present"),
}
Values = Mapping[Any, Sequence[str]]  # by attribute, of either kind: a mapping has one type of keys

RGB = tuple[float, float, float]
AWAY = 9.0  # half image widths: an object there is outside of the image


@dataclass(frozen=True)
class Background:
    """A muted texture between two colours: a linear gradient, sine stripes or a sine checker."""

    kind: str
    first: RGB
    second: RGB
    angle: float  # radians
    period: float  # half image widths
    phase: float  # radians


@dataclass(frozen=True)
class Distractor:
    """A small black or white disc or box that no caption mentions."""

    box: bool
    white: bool
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Scene:
    """The complete description of one image: equal scenes render to equal images."""

    fill: str
    colour: str
    shape: str
    x: float
    y: float
    radius: float
    angle: float  # radians
    background: Background
    distractor: Distractor

    def with_attribute(self, attribute: Attribute, value: str) -> "Scene":
        """The same scene with one captioned attribute changed: the true edit. `ValueError` for an
        unknown value.
        """
        if value not in VALUES[attribute]:
            raise ValueError(
                f"scene {attribute}: expected one of {', '.join(VALUES[attribute])}; got {value!r}"
            )
        changed: dict[str, Any] = {attribute: value}
        return replace(self, **changed)

    def without_object(self) -> "Scene":
        """The same background and distractor, and no object."""
        return replace(self, x=AWAY, y=AWAY)

    @property
    def is_empty(self) -> bool:
        """Whether the scene has no object."""
        return self.x == AWAY


def draw_scene(rng: np.random.Generator) -> Scene:
    """A random scene; its captioned attributes are uniform and independent."""
    radius = rng.uniform(0.36, 0.52)
    reach = 0.92 - radius
    x, y = rng.uniform(-reach, reach, size=2).tolist()
    return Scene(
        fill=FILLS[rng.integers(len(FILLS))],
        colour=COLOURS[rng.integers(len(COLOURS))],
        shape=SHAPES[rng.integers(len(SHAPES))],
        x=x,
        y=y,
        radius=radius,
        angle=math.radians(rng.uniform(-20, 20)),
        background=draw_background(rng),
        distractor=_draw_distractor(rng, x, y, radius),
    )


def draw_background(rng: np.random.Generator) -> Background:
    """A random muted texture."""
    return Background(
        kind=BACKGROUNDS[rng.integers(len(BACKGROUNDS))],
        first=_draw_muted(rng),
        second=_draw_muted(rng),
        angle=rng.uniform(0, math.pi),
        period=rng.uniform(0.6, 1.2),
        phase=rng.uniform(0, 2 * math.pi),
    )


def _draw_muted(rng: np.random.Generator) -> RGB:
    grey = rng.uniform(0.3, 0.8)
    red, green, blue = (grey + rng.uniform(-0.08, 0.08, size=3)).tolist()
    return red, green, blue


def _draw_distractor(rng: np.random.Generator, x: float, y: float, radius: float) -> Distractor:
    size = rng.uniform(0.08, 0.12)
    while True:
        u, v = rng.uniform(-0.84, 0.84, size=2).tolist()
        if math.hypot(u - x, v - y) > 1.25 * radius + 1.5 * size + 0.08:
            return Distractor(
                box=bool(rng.integers(2)), white=bool(rng.integers(2)), x=u, y=v, radius=size
            )
