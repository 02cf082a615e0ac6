"""Cases that a program gives: the data set of `ids.edit`."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.records import EditCase


@dataclass(frozen=True)
class Given:
    """Cases in memory, under a `name` of their own. `view` is how their images were brought to
    size.
    """

    cases: Sequence[EditCase]
    view: str
    name: str = "given"

    place = ""
    partial = True  # each call adds its rows

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> EditCase:
        return self.cases[index]
