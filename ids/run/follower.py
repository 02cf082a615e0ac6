"""Those who follow a sweep, in the process of the parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ids.run.plan import Name, Part


@runtime_checkable
class Follower(Protocol):
    """What a sweep informs. No call but `begin` may wait."""

    def begin(self, parts: Sequence[Part]) -> None:
        """The plan is made; its first edit follows. `IdsError` stops the command."""
        ...

    def began(self, part: Part) -> None:
        """A worker has begun a part."""
        ...

    def ended(self, part: Part, rows: Mapping[Name, bool]) -> None:
        """Edits have ended and are in the store: with a result (True) or failed."""
        ...

    def finished(self, part: Part) -> None:
        """All edits of a part have ended."""
        ...


@dataclass(frozen=True)
class Unfollowed:
    """For a sweep that nothing follows."""

    def begin(self, parts: Sequence[Part]) -> None:
        """Nothing."""

    def began(self, part: Part) -> None:
        """Nothing."""

    def ended(self, part: Part, rows: Mapping[Name, bool]) -> None:
        """Nothing."""

    def finished(self, part: Part) -> None:
        """Nothing."""


UNFOLLOWED = Unfollowed()
