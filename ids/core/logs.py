"""The contract of a tracker, and what it is given: the identity of a run, cells of tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

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


@runtime_checkable
class LogRun(Protocol):
    """An open run of a tracker."""

    points: int
    """The number of points and tables it has, those of earlier commands included: the place of the
    next one."""
    numbered: ClassVar[bool]
    """Does the tracker drop a point in a place that it has? Then points that a killed command may
    not have delivered are logged again, each in its place."""

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve. `axis` is `curve` (optimization steps), `edit` (finished edits) or
        `progress` (edits that ended); values may be infinite.
        """
        ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A whole table, which replaces the one of that name."""
        ...

    def summary(self, values: Mapping[str, float]) -> None:
        """The numbers of the whole setting; they replace earlier ones of their names."""
        ...

    def finish(self) -> None:
        """Close the run; a later command may continue it."""
        ...


@runtime_checkable
class Logger(Protocol):
    """A tracker with one run per setting. One thread calls it."""

    @property
    def destination(self) -> str:
        """The place of its runs: another one has nothing of what this one has. Empty where nothing
        is to be logged.
        """
        ...

    @property
    def pace(self) -> Pace:
        """How it is fed."""
        ...

    def open(self, info: RunInfo) -> LogRun:
        """Begin a run, or continue it. `ConfigError` where the tracker cannot be reached and the
        configuration insists on it.
        """
        ...

    def uploads(self) -> list[str]:
        """The commands that upload what it keeps on this machine; empty without any."""
        ...
