"""Scene to image, by signed distance functions: anti-aliased, with exact masks, at any size.

Shapes: B scenes, S image side in pixels. Images are RGB in [0, 1].
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ids.shapes.scene import Scene

PALETTE = {
    "red": (0.86, 0.10, 0.12),
    "yellow": (0.97, 0.84, 0.06),
    "green": (0.08, 0.60, 0.16),
    "cyan": (0.05, 0.78, 0.84),
    "blue": (0.10, 0.18, 0.82),
    "purple": (0.58, 0.10, 0.68),
}
WHITE = (0.96, 0.96, 0.96)
BLACK = (0.05, 0.05, 0.05)
STRIPE_PERIOD = (
    0.38  # half image widths: twelve pixels of 64, so that stripes survive the autoencoder
)

Grid = Float[Tensor, "B S S"]


def render(scenes: Sequence[Scene], size: int = 64) -> Float[Tensor, "B 3 S S"]:
    """Images of the scenes, float32 RGB in [0, 1]."""
    x, y = _pixel_grid(size)
    image = background_at(scenes, x, y, size)
    return _over(image, object_cover(scenes, size), object_at(scenes, x, y, size)).clamp(0, 1)


def background_at(
    scenes: Sequence[Scene], x: Tensor, y: Tensor, size: int
) -> Float[Tensor, "B 3 S S"]:
    """Background and distractor at places in half image widths; `size` decides how sharp edges
    are.
    """
    ink = _rgb([_ink(s) for s in scenes])
    return _over(_background(scenes, x, y), _distractor_cover(scenes, x, y, size), ink)


def object_at(scenes: Sequence[Scene], x: Tensor, y: Tensor, size: int) -> Float[Tensor, "B 3 S S"]:
    """The paint of the object at places in half image widths, as if it had no outline."""
    u, v = _object_frame(scenes, x, y)
    stripes = _stripes(scenes, u, v, size)
    paint = _rgb([PALETTE[s.colour] for s in scenes]).expand(-1, -1, *stripes.shape[1:])
    return _over(paint, stripes, _rgb([WHITE] * len(scenes)))


def object_cover(scenes: Sequence[Scene], size: int = 64) -> Grid:
    """Share of each pixel that the object covers, in [0, 1]."""
    return cover_at(scenes, *_pixel_grid(size), size)


def cover_at(scenes: Sequence[Scene], x: Tensor, y: Tensor, size: int) -> Grid:
    """Cover by the object of pixels around places in half image widths."""
    u, v = _object_frame(scenes, x, y)
    distance = torch.stack([OUTLINES[s.shape](u[i], v[i]) * s.radius for i, s in enumerate(scenes)])
    return _antialias(distance, size)


def _pixel_grid(size: int) -> tuple[Tensor, Tensor]:
    centres = (torch.arange(size) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return x, y


def _object_frame(scenes: Sequence[Scene], x: Tensor, y: Tensor) -> tuple[Grid, Grid]:
    """Pixel coordinates in the object's frame, in units of its radius, y up."""
    dx, dy = x - _column([s.x for s in scenes]), y - _column([s.y for s in scenes])
    cos, sin = (
        _column([math.cos(s.angle) for s in scenes]),
        _column([math.sin(s.angle) for s in scenes]),
    )
    radius = _column([s.radius for s in scenes])
    return (cos * dx + sin * dy) / radius, (sin * dx - cos * dy) / radius


def _stripes(scenes: Sequence[Scene], u: Grid, v: Grid, size: int) -> Grid:
    """Cover of the white bands: diagonal in the object's frame, equally wide in every image."""
    radius = _column([s.radius for s in scenes])
    wave = torch.sin((u + v) * radius * (math.sqrt(2) * math.pi / STRIPE_PERIOD))
    band = _antialias(-wave * (STRIPE_PERIOD / (2 * math.pi)), size)
    return band * _column([float(s.fill == "striped") for s in scenes])


def _background(scenes: Sequence[Scene], x: Tensor, y: Tensor) -> Float[Tensor, "B 3 S S"]:
    grounds = [s.background for s in scenes]
    cos, sin = (
        _column([math.cos(g.angle) for g in grounds]),
        _column([math.sin(g.angle) for g in grounds]),
    )
    phase, rate = (
        _column([g.phase for g in grounds]),
        _column([2 * math.pi / g.period for g in grounds]),
    )
    along, across = cos * x + sin * y, cos * y - sin * x
    wave = torch.sin(rate * along + phase)
    mixes = {
        "gradient": along / (2 * math.sqrt(2)) + 0.5,
        "stripes": 0.5 + 0.5 * wave,
        "checker": 0.5 + 0.5 * wave * torch.sin(rate * across + phase),
    }
    mix = torch.stack([mixes[g.kind][i] for i, g in enumerate(grounds)]).unsqueeze(1)
    return torch.lerp(_rgb([g.first for g in grounds]), _rgb([g.second for g in grounds]), mix)


def _distractor_cover(scenes: Sequence[Scene], x: Tensor, y: Tensor, size: int) -> Grid:
    marks = [s.distractor for s in scenes]
    dx, dy = (x - _column([m.x for m in marks])).abs(), (y - _column([m.y for m in marks])).abs()
    distance = torch.where(
        _column([float(m.box) for m in marks]) > 0, torch.maximum(dx, dy), torch.hypot(dx, dy)
    )
    return _antialias(distance - _column([m.radius for m in marks]), size)


def _ink(scene: Scene) -> tuple[float, float, float]:
    return WHITE if scene.distractor.white else BLACK


def _antialias(distance: Tensor, size: int) -> Tensor:
    """Cover of a pixel by the signed distance of its centre from an edge, in half image widths."""
    return (0.5 - distance * (size / 2)).clamp(0, 1)


def _over(below: Tensor, cover: Grid, above: Tensor) -> Tensor:
    return torch.lerp(below, above.expand_as(below), cover.unsqueeze(1))


def _column(values: Sequence[float]) -> Float[Tensor, "B 1 1"]:
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)


def _rgb(colours: Sequence[tuple[float, float, float]]) -> Float[Tensor, "B 3 1 1"]:
    return torch.tensor(colours, dtype=torch.float32).view(-1, 3, 1, 1)


# Signed distance (negative inside) of each outline in the object's frame: unit radius, y up.


def _circle(u: Tensor, v: Tensor) -> Tensor:
    return torch.hypot(u, v) - 1


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 0.86


def _triangle(u: Tensor, v: Tensor) -> Tensor:
    side = u.abs() * math.cos(math.pi / 6) + v * math.sin(math.pi / 6)
    return torch.maximum(side, -v) - 0.58


def _ring(u: Tensor, v: Tensor) -> Tensor:
    return (torch.hypot(u, v) - 0.73).abs() - 0.27


def _cross(u: Tensor, v: Tensor) -> Tensor:
    a, b = torch.maximum(u.abs(), v.abs()), torch.minimum(u.abs(), v.abs())
    return torch.maximum(a - 1, b - 0.32)


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """Two discs on a square that is rotated by 45 degrees."""
    x, y = u.abs(), v + 0.06
    lobes = torch.hypot(x - 0.44, y - 0.36) - 0.56
    tip = torch.maximum((x - y) / math.sqrt(2) - 0.62, (x + y) / math.sqrt(2) - 0.57)
    return torch.minimum(lobes, tip)


OUTLINES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "ring": _ring,
    "cross": _cross,
    "heart": _heart,
}
