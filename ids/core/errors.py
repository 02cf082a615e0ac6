"""Errors a user can act on. A message reads `where: expected, came, what to do`."""

from ids.core.text import printable


class IdsError(Exception):
    """Something the user can mend; the command line prints the message alone and exits with
    `exit_code`.
    """

    exit_code = 1

    def __str__(self) -> str:
        """One line, whatever foreign text is in it."""
        return printable(super().__str__())


class ConfigError(IdsError):
    """A setting that does not exist, or a value that cannot be."""

    exit_code = 2


class DataError(IdsError):
    """An image, prompt, mask or data set that cannot be used."""


class WeightsError(IdsError):
    """Weights that are missing, unreachable or not what they claim to be."""


class UnsupportedError(IdsError):
    """A method asks for what this backbone or data set cannot give."""

    exit_code = 2
