"""Anchors as rows: cut up, put together, and given to rows that share one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.records import Anchor, Draw
from ids.core.rng import PickedRandomness, StackedRandomness
from ids.core.tensors import Latent

DRAWN = ("t", "eps", "t_prev")  # the tensors of a draw
Layout = Mapping[str, Any]  # an anchor as JSON data: the name of a tensor for each of its places


@dataclass(frozen=True)
class AnchorRows:
    """The tensors of an anchor of `n` rows, [n, ...] each, by name.

    One tensor in two places has one name, so that a rebuilt anchor shares what the original shares.
    Tensors of the draw and the source prompt are not kept: the rows get them again.
    """

    layout: Layout
    tensors: Mapping[str, Tensor]
    n: int

    @classmethod
    def of(cls, anchor: Anchor, draw: Draw, y_src: Prompt | None = None) -> "AnchorRows":
        """The rows of an anchor on that draw, of that source prompt. `ConfigError` for tensors of
        other rows, a class with more fields, another prompt, and other random numbers than the
        draw's.
        """
        tensors: dict[str, Tensor] = {}
        names = {id(getattr(draw, name)): name for name in DRAWN}

        def named(x: Tensor | None) -> str | None:
            if x is None:
                return None
            if id(x) not in names:
                if not x.ndim or len(x) != len(draw.t):
                    got = f"one of shape {tuple(x.shape)}"
                    raise _whole(f"tensors of {len(draw.t)} rows, as the draw has", got)
                names[id(x)] = str(len(tensors))
                tensors[names[id(x)]] = x
            return names[id(x)]

        def layout(part: Anchor) -> Layout:
            if type(part) is not Anchor:
                raise _whole("the class Anchor", type(part).__name__)
            if part.draw.rng is not draw.rng:
                raise _whole("the random numbers of the draw", type(part.draw.rng).__name__)
            if part.y_src is not None and part.y_src is not y_src:
                raise _whole("the source prompt of the edit", "another prompt")
            prompted = {} if part.y_src is None else {"y_src": True}
            return {
                **prompted,
                "draw": tuple(named(getattr(part.draw, name)) for name in DRAWN),
                "reference": named(part.reference),
                "features": {site: named(x) for site, x in part.features.items()},
                "places": {site: named(x) for site, x in part.places.items()},
                "logs": {log: named(x) for log, x in part.logs.items()},
                "parts": {term: layout(inner) for term, inner in part.parts.items()},
            }

        return cls(layout(anchor), tensors, len(draw.t))

    @classmethod
    def of_latents(cls, latents: Latent, logs: Mapping[str, Tensor] | None = None) -> "AnchorRows":
        """Latents with numbers, laid out as an anchor on the draw as it is."""
        own = logs or {}
        empty: dict[str, Layout] = {"features": {}, "places": {}, "parts": {}}
        names = {"draw": ("t", "eps", None), "reference": "latents", "logs": {k: k for k in own}}
        return cls({**names, **empty}, {"latents": latents, **own}, len(latents))

    @classmethod
    def cat(cls, parts: Sequence["AnchorRows"]) -> "AnchorRows":
        """The rows of all of them, in order."""
        names = parts[0].tensors
        joined = {name: torch.cat([part.tensors[name] for part in parts]) for name in names}
        return cls(parts[0].layout, joined, sum(part.n for part in parts))

    def rows(self, rows: Int[Tensor, " rows"]) -> "AnchorRows":
        """Some of the rows, in any order and number."""
        return AnchorRows(self.layout, {k: x[rows] for k, x in self.tensors.items()}, len(rows))

    def split(self, sizes: Sequence[int]) -> list["AnchorRows"]:
        """So many rows each, without copies."""
        pieces = {name: x.split(list(sizes)) for name, x in self.tensors.items()}
        return [
            AnchorRows(self.layout, {name: x[number] for name, x in pieces.items()}, size)
            for number, size in enumerate(sizes)
        ]

    def singles(self) -> list["AnchorRows"]:
        """Each row as a copy, which holds no other row in memory."""
        return [
            AnchorRows(self.layout, {name: x.clone() for name, x in row.tensors.items()}, 1)
            for row in self.split([1] * self.n)
        ]

    def to(self, device: torch.device) -> "AnchorRows":
        """On this device."""
        return AnchorRows(self.layout, {k: x.to(device) for k, x in self.tensors.items()}, self.n)

    @property
    def reference(self) -> Tensor:
        """The references of an anchor that has its own."""
        return self.tensors[self.layout["reference"]]

    @property
    def n_bytes(self) -> int:
        """Of all tensors."""
        return sum(x.nbytes for x in self.tensors.values())

    def anchor(self, draw: Draw, y_src: Prompt | None = None) -> Anchor:
        """The anchor on the draw and, where it has one, with the source prompt of these rows."""
        known = {**self.tensors, **{name: getattr(draw, name) for name in DRAWN}}

        def built(layout: Layout) -> Anchor:
            t, eps, t_prev = (name and known[name] for name in layout["draw"])
            return Anchor(
                replace(draw, t=t, eps=eps, t_prev=t_prev),
                known[layout["reference"]],
                features={site: known[name] for site, name in layout["features"].items()},
                places={site: known[name] for site, name in layout["places"].items()},
                logs={log: known[name] for log, name in layout["logs"].items()},
                parts={term: built(inner) for term, inner in layout["parts"].items()},
                y_src=y_src if layout.get("y_src") else None,
            )

        return built(self.layout)


def _whole(expected: str, got: str) -> ConfigError:
    """The error for an anchor that cannot be cut into rows."""
    return ConfigError(
        f"engine.anchors: expected an anchor with {expected}; got {got}; use engine.anchors=inline"
    )


def draw_rows(draw: Draw, rows: Sequence[int]) -> Draw:
    """Some of the rows of a draw, in any order and number, with their random numbers."""
    at = torch.tensor(rows, device=draw.t.device)
    t_prev = None if draw.t_prev is None else draw.t_prev[at]
    return Draw(draw.t[at], draw.eps[at], PickedRandomness(draw.rng, len(draw.t), rows), t_prev)


def stacked_draw(draws: Sequence[Draw]) -> Draw:
    """The rows of several draws, in order."""
    if len(draws) == 1:
        return draws[0]
    rng = StackedRandomness([draw.rng for draw in draws], [len(draw.t) for draw in draws])
    before = [draw.t_prev for draw in draws if draw.t_prev is not None]
    return Draw(
        torch.cat([draw.t for draw in draws]),
        torch.cat([draw.eps for draw in draws]),
        rng,
        torch.cat(before) if len(before) == len(draws) else None,
    )
