"""What trackers are given: the identity of a run, the rate at which it is fed, cells of tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Cell = str | float | int | None | Tensor  # of a table; an image is [3, h, w], RGB in [0, 1]


@dataclass(frozen=True)
class Pace:
    """How a tracker is fed. `every`: seconds between two batches of rows of a run, at least.
    `queue`: finished edits that may wait for it. `wait`: seconds given to it before the first edit
    and after the last one. `images`: cases with images in the table, no side above `image_side`
    pixels. `ValueError` where a number is out of range.
    """

    every: float
    queue: int
    wait: float
    images: int
    image_side: int

    def __post_init__(self) -> None:
        for name, least in (("every", 0), ("queue", 1), ("wait", 0), ("images", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name}: expected {least} or more; got {getattr(self, name)}")
        if self.image_side < 16:
            raise ValueError(f"image_side: expected 16 pixels or more; got {self.image_side}")


@dataclass(frozen=True)
class RunInfo:
    """A run of a tracker: one setting on one data set. `id` stays the same in every command;
    `points` were logged by earlier ones. `config` is empty where the run has it already.
    """

    id: str  # 16 hexadecimal digits
    name: str  # of the method
    label: str  # the method, and what distinguishes the setting from others
    group: str
    kind: str  # method or control
    config: Mapping[str, Any]
    points: int = 0
