"""Trackio: a tracker on this machine, one database in a folder. No account, no service."""

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.logs import Cell, Pace, RunInfo
from ids.images import to_array
from ids.log.axes import named_point

PLACE = "TRACKIO_DIR"  # where trackio keeps its database: it is read once a process


@dataclass(frozen=True)
class Trackio:
    """One run per setting, in `folder/trackio`. `system` records the load of this machine.
    `trackio show` with TRACKIO_DIR set to that folder opens the dashboard. A TRACKIO_DIR that is
    set already stays.
    """

    project: str
    folder: str
    group: str | None = None
    system: bool = True
    every: float = 1.0
    queue: int = 10_000
    wait: float = 30.0
    images: int = 16
    image_side: int = 256

    def __post_init__(self) -> None:
        _ = self.pace  # its numbers are checked

    @property
    def pace(self) -> Pace:
        """How it is fed."""
        return Pace(self.every, self.queue, self.wait, self.images, self.image_side)

    @property
    def destination(self) -> str:
        """Its folder, and the project."""
        return f"{Path(os.environ.get(PLACE) or self.folder).resolve()}/{self.project}"

    def open(self, info: RunInfo) -> "TrackioRun":
        """Begin a run, or continue it. `ConfigError` where trackio is not installed."""
        if find_spec("trackio") is None:
            raise ConfigError(
                "logger.trackio: expected the package trackio; got none; "
                "`pip install 'ids-editing[trackio]'`"
            )
        os.environ.setdefault(PLACE, str(Path(self.folder, "trackio").absolute()))
        from trackio.run import Run  # `trackio.init` keeps one run at a time, and prints

        run = Run(
            url=None,
            project=self.project,
            client=None,
            name=info.label,
            run_id=info.id,
            group=self.group or info.group,
            config=dict(info.config),
            existing_runs=[],
            auto_log_cpu=self.system,
            auto_log_gpu=self.system,
        )
        return TrackioRun(run, info.points)

    def uploads(self) -> list[str]:
        """None: the database is the end."""
        return []


@dataclass
class TrackioRun:
    """An open run of trackio. Every point has a step of its own, counted over all commands."""

    numbered: ClassVar[bool] = False  # it keeps a point twice
    run: Any
    points: int

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        self._log(named_point(axis, step, values))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A `trackio.Table`."""
        import trackio

        data = [[_cell(cell) for cell in row] for row in rows]
        self._log({name: trackio.Table(columns=list(columns), data=data)})

    def summary(self, values: Mapping[str, float]) -> None:
        """Trackio has no summary: the numbers are a last point of `summary`."""
        self._log({f"summary/{name}": value for name, value in values.items()})

    def finish(self) -> None:
        """Write what is queued, and close the run."""
        with redirect_stdout(StringIO()):  # its message; the command prints to stderr meanwhile
            self.run.finish()

    def _log(self, values: Mapping[str, Any]) -> None:
        self.run.log(dict(values), step=self.points)
        self.points += 1


def _cell(cell: Cell) -> Any:
    import trackio

    if isinstance(cell, Tensor):
        return trackio.Image(to_array(cell))
    return None if isinstance(cell, float) and math.isnan(cell) else cell
