"""Errors and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass

EXACT, SINGLE, DRIFT = (
    1e-9,
    1e-5,
    5e-4,
)  # float64; float32; float32 against float64 after some steps
RELATIVE = 1e-7  # relative error of a single gradient


@dataclass(frozen=True)
class Verdict:
    """Errors by name, the largest that is allowed for each, and what was recorded but not
    compared: nothing may be left over.
    """

    errors: Mapping[str, float]
    allowed: Mapping[str, float]
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        within = all(error <= self.allowed[name] for name, error in self.errors.items())
        return bool(self.errors) and within and not self.unknown


def all_within(errors: Mapping[str, float], bound: float) -> Verdict:
    return Verdict(errors, dict.fromkeys(errors, bound))
