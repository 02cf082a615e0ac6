"""The part of the world that a grid covers."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.capture import Capture

MARGIN = 0.06  # of the longest side, around the points
OUTLIERS = 0.01  # share of points at either end of an axis


@dataclass(frozen=True)
class Box:
    """Corners of a box; `open` where all space beyond it is contracted around it."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    open: bool = False

    @classmethod
    def around(cls, capture: Capture, radius: float = 0.0) -> "Box":
        """With a `radius`, a cube around the origin; else around the points of the capture, and
        without points a cube as large as the cameras' distance. A capture without bounds is open.
        """
        is_open = not capture.bounded
        if radius or len(capture.points) == 0:
            side = radius or 1.0
            return cls((-side,) * 3, (side,) * 3, is_open)
        ends = torch.tensor([OUTLIERS, 1 - OUTLIERS])
        low, high = torch.quantile(capture.points.float(), ends, dim=0)
        margin = MARGIN * float((high - low).max())
        return cls(_corner(low - margin), _corner(high + margin), is_open)

    @property
    def side(self) -> float:
        """The longest one."""
        return max(high - low for low, high in zip(self.low, self.high, strict=True))

    def corners(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Low and high, [3], in the dtype and on the device of `like`."""
        return like.new_tensor(self.low), like.new_tensor(self.high)

    def shape(self, resolution: int) -> tuple[int, int, int]:
        """Cells (z, y, x) of equal sides, `resolution` along the longest side; an open box has
        twice as many, half of them beyond it.
        """
        if self.open:
            return (2 * resolution,) * 3
        x, y, z = (high - low for low, high in zip(self.low, self.high, strict=True))
        n = [max(round(resolution * side / self.side), 2) for side in (z, y, x)]
        return n[0], n[1], n[2]


def _corner(x: Float[Tensor, "3"]) -> tuple[float, float, float]:
    a, b, c = x.tolist()
    return a, b, c
