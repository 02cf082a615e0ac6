"""The verdict on a claim, and the rule that decides it."""

import math
from dataclasses import dataclass
from typing import Literal

from ids.results.grids import Estimate

Outcome = Literal["holds", "does not hold", "inconclusive", "not run"]
Direction = Literal["higher", "lower", "equal"]


@dataclass(frozen=True)
class Verdict:
    """A claim and its verdict, from one group of stored results. `effect` is the paired difference
    that decides, in `unit`, with its 95 % interval; None without results.
    """

    claim: str  # its name: the file's, without .yaml
    statement: str  # one sentence
    by: Literal["paper", "ids"]  # whose claim
    outcome: Outcome
    reason: str  # one sentence: why this outcome
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    n_cases: int = 0
    data: str = ""  # where it was tested: `shapes-test on shapes 97d8e07f`
    command: str = ""  # what makes the results that it needs
    paper: str = ""  # the paper's numbers, second-hand, with their source
    metric: str = ""  # its title in tables
    digits: int = 2  # of the effect, after the decimal point
    settings: str = ""  # the comparison that decides: `ids (fpr.n_iters=3) - dds`
    embedded: bool = False  # the results are of the embedded world

    @property
    def outcome_text(self) -> str:
        """The outcome, and `on shapes` where that is what ran."""
        ran = self.outcome != "not run"
        return f"{self.outcome}, on shapes" if ran and self.embedded else self.outcome

    @property
    def effect_text(self) -> str:
        """`+0.33 [-0.10, +1.45] dB`; `-` without results."""
        if self.effect is None:
            return "-"
        value, low, high = (
            f"{number:+z.{self.digits}f}" if number is not None else ""
            for number in (self.effect, self.low, self.high)
        )
        return f"{value} [{low}, {high}] {self.unit}".rstrip() if low else f"{value} {self.unit}"


def decide(direction: Direction, smallest: float, found: Estimate) -> Outcome:
    """By the 95 % interval of a paired difference and the smallest effect that matters.

    higher, lower: holds where the interval is beyond 0 in the claimed direction and the estimate
    reaches the smallest effect; does not hold where the whole interval is below the smallest
    effect. equal: holds where the whole interval is within the smallest effect of 0; does not hold
    where all of it is outside. Inconclusive otherwise, and without an interval.
    """
    value, low, high = found.value, found.low, found.high
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    if direction == "equal":
        if -smallest < low and high < smallest:
            return "holds"
        return "does not hold" if low >= smallest or high <= -smallest else "inconclusive"
    if direction == "lower":
        value, low, high = -value, -high, -low
    if high < smallest:
        return "does not hold"
    return "holds" if low > 0 and value >= smallest else "inconclusive"
