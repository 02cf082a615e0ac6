"""Units in this process."""

from collections.abc import Iterator
from dataclasses import dataclass

from ids.launch.launcher import Command
from ids.run.alone import do_here
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Unit


@dataclass(frozen=True)
class Here:
    """This process does every unit: nothing is loaded twice. `ValueError` for `minutes` of 0 or
    less.
    """

    minutes: float = 1.0  # of a unit

    def __post_init__(self) -> None:
        check_minutes(self.minutes)

    @property
    def bounds(self) -> Bounds:
        """Units of so many minutes."""
        return Bounds(60 * self.minutes)

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> bool:
        """Do the units one after another."""
        return do_here(sweep, units)


def check_minutes(minutes: float) -> None:
    """`ValueError` for 0 minutes or less."""
    if not minutes > 0:
        raise ValueError(f"launch.minutes: expected a number above 0; got {minutes}; change it")
