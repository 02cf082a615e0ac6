"""Rows of a data set that cannot be edited, as cases that report why."""

from dataclasses import dataclass
from typing import NoReturn

from ids.core.errors import DataError
from ids.core.records import EditCase


@dataclass(frozen=True)
class Unreadable:
    """The image of a row that cannot be edited: reading it raises the row's fault."""

    fault: str  # one line, which names the row

    def digest(self) -> NoReturn:
        """Always a `DataError`."""
        raise DataError(self.fault)

    def load(self) -> NoReturn:
        """Always a `DataError`."""
        raise DataError(self.fault)


def faulty_case(case_id: str, fault: object) -> EditCase:
    """A row with a fault, as a case: runs report it and edit the other rows."""
    return EditCase(id=case_id, source=Unreadable(str(fault)), prompt_src="", prompt_trg="")
