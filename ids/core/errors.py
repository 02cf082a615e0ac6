"""Errors that a user can correct. A message reads `where: expected X; got Y; do Z`."""

from typing import ClassVar

from ids.core.text import printable


class IdsError(Exception):
    """An error that a user can correct: the command line prints only the message, and exits with
    `exit_code`.
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """The message on one line, control characters of foreign text escaped."""
        return printable(super().__str__())


class ConfigError(IdsError):
    """A setting that does not exist, or an invalid value."""

    exit_code: ClassVar[int] = 2


class DataError(IdsError):
    """An image, prompt, mask or data set that cannot be used."""


class WeightsError(IdsError):
    """Weights that are missing, unreachable, corrupt or of another kind."""


class StorageError(IdsError):
    """A disk that takes no files any more: full, or read-only. It ends the command."""


class UnsupportedError(IdsError):
    """A method needs what this backbone, representation or data set does not give."""

    exit_code: ClassVar[int] = 2
