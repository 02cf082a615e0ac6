"""Errors a user can act on. A message reads `where: expected, came, what to do`."""


class IdsError(Exception):
    """Something the user can mend; the command line prints the message alone and exits with
    `exit_code`.
    """

    exit_code = 1


class ConfigError(IdsError):
    """A setting that does not exist, or a value that cannot be."""

    exit_code = 2


class DataError(IdsError):
    """A picture, prompt, mask or data set that cannot be used."""


class WeightsError(IdsError):
    """Weights that are missing, unreachable or not what they claim to be."""


class UnsupportedError(IdsError):
    """A method asks for what this backbone or data set cannot give."""

    exit_code = 2
