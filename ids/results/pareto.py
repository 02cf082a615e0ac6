"""The points of all methods that no other point beats in both edit strength and identity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ids.results.bootstrap import reading
from ids.results.frontier import Frontier
from ids.results.grids import Estimate


@dataclass(frozen=True)
class Point:
    """A stopping point, or a setting: its label and place on the knob, mean strength and identity,
    and the share of the resamples in which it belongs to the Pareto set.
    """

    label: str
    knob: float
    strength: Estimate
    identity: Estimate
    share: float


def pareto_set(frontier: Frontier) -> list[Point]:
    """In order of strength. The untouched source is no point."""
    lines = [(label, line, int(line.anytime)) for label, line in frontier.lines.items()]
    places = [(label, float(knob)) for label, line, at in lines for knob in line.knob[at:]]
    x = np.concatenate([line.strength[:, at:] for _, line, at in lines], axis=1)
    y = np.concatenate([line.identity[:, at:] for _, line, at in lines], axis=1)
    member = undominated(x, frontier.sign * y)
    share = member[1:].mean(0)
    points = [
        Point(
            *places[p],
            reading(x[:, p], frontier.n),
            reading(y[:, p], frontier.n),
            float(share[p]),
        )
        for p in np.flatnonzero(member[0])
    ]
    return sorted(points, key=lambda point: point.strength.value)


def undominated(
    x: Float[ndarray, "resamples points"], y: Float[ndarray, "resamples points"]
) -> Bool[ndarray, "resamples points"]:
    """The points that no other point equals or exceeds in both, and exceeds in one."""
    beaten = [
        ((x >= a) & (y >= b) & ((x > a) | (y > b))).any(1)
        for a, b in zip(x.T[:, :, None], y.T[:, :, None], strict=True)
    ]
    return ~np.stack(beaten, axis=1)
