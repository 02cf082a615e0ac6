"""The verdict on a claim."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["holds", "does not hold", "inconclusive", "not run"]


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
    data: str = ""  # where it was tested, such as `shapes-test`
    command: str = ""  # what makes the results that it needs
    paper: str = ""  # the paper's numbers, second-hand, with their source
