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
    compared.
    """

    errors: Mapping[str, float]
    allowed: Mapping[str, float]
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return bool(self.errors) and all(e <= self.allowed[name] for name, e in self.errors.items())


def all_within(errors: Mapping[str, float], bound: float) -> Verdict:
    return Verdict(errors, dict.fromkeys(errors, bound))
