"""The contract of a launcher: units in, reports out as they finish."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from ids.config.setting import Composed
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Unit


@dataclass(frozen=True)
class Command:
    """What a launcher needs beside the units: the settings that workers build, the folder of this
    run and of the store, and the time at which the command began.
    """

    settings: Sequence[Composed]
    folder: Path
    store: Path
    sweep: bool  # is a setting that the backbone cannot run a row of the table, no error?
    began: float  # seconds since 1970: `force` makes older results again


@runtime_checkable
class Launcher(Protocol):
    """Where units of work run. A new one needs no change elsewhere."""

    @property
    def bounds(self) -> Bounds:
        """The size of units. `ConfigError`, with the remedy, where this machine cannot launch."""
        ...

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> bool:
        """Have the units done, and hand every report to the sweep. A unit may be done twice. Ends
        all of its workers however it ends. True where the sweep is to be planned again: others have
        made results meanwhile.
        """
        ...
