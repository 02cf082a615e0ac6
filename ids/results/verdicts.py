"""Verdicts on claims, from the results of a store.

A verdict is about one data set on one backbone, and one network behind the metric: numbers from
different weights are never combined. Where several comparisons fit a claim, it holds where all of
them hold; such a test needs no correction for their number (Berger 1982, Technometrics 24).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ids.core.errors import IdsError
from ids.core.text import counted
from ids.results.catalog import ResultGroup
from ids.results.claim import Claim
from ids.results.columns import Column, base_of
from ids.results.contrasts import Contrast, GroupFrames, contrasts
from ids.results.grids import Estimate
from ids.results.verdict import Outcome, Verdict, decide
from ids.run.store import Store

EMBEDDED = ("shapes", "shapes_wide")  # the backbones of the embedded world
ORDER: tuple[Outcome, ...] = ("does not hold", "inconclusive", "holds")  # the first decides


@dataclass(frozen=True)
class _Judged:
    """A comparison with enough cases, and its outcome."""

    contrast: Contrast
    outcome: Outcome

    def strength(self, claim: Claim) -> float:
        """How far the effect is on the side of the claim."""
        effect = self.contrast.estimate.value
        return {"higher": effect, "lower": -effect, "equal": -abs(effect)}[claim.direction]


def verdicts(
    claims: Mapping[str, Claim], groups: Sequence[ResultGroup], store: Store
) -> list[Verdict]:
    """One per claim, data set, backbone and network of the metric that has comparisons with enough
    cases; for a claim without any, one that has not run.
    """
    frames = [GroupFrames(group, store) for group in groups]
    return [verdict for name, claim in claims.items() for verdict in _of_claim(name, claim, frames)]


def _of_claim(name: str, claim: Claim, frames: Sequence[GroupFrames]) -> list[Verdict]:
    fitting = [of for of in frames if _is_about(claim, of.group)]
    found = [verdict for of in fitting for verdict in _of_group(name, claim, of)]
    ran = [verdict for verdict in found if verdict.outcome != "not run"]
    return ran or found[:1] or [_blank(name, claim, _no_data(claim))]


def _is_about(claim: Claim, group: ResultGroup) -> bool:
    return not claim.data or group.manifest.name.startswith(tuple(claim.data))


def _no_data(claim: Claim) -> str:
    return f"No results of {' or '.join(claim.data) if claim.data else 'any data set'}."


def _of_group(name: str, claim: Claim, frames: GroupFrames) -> Iterator[Verdict]:
    """A verdict per network of the metric."""
    columns = [column for column in frames.columns if base_of(column.key) == claim.metric]
    if not columns:
        yield _placed(_blank(name, claim, f"No values of {claim.metric}."), frames.group)
    for column in columns:
        yield _placed(_of_column(name, claim, frames, column), frames.group)


def _placed(verdict: Verdict, group: ResultGroup) -> Verdict:
    """With the data that it is about."""
    embedded = group.backbone.split(" ")[0] in EMBEDDED
    return replace(verdict, data=group.title, embedded=embedded)


def _of_column(name: str, claim: Claim, frames: GroupFrames, column: Column) -> Verdict:
    blank = _blank(name, claim, "")
    try:
        found = list(contrasts(claim, frames, column))
    except IdsError as error:  # no curves, no such axis or knob
        return replace(blank, reason=f"{str(error).rstrip('.')}.")
    if lacks := _lacking(claim, found):
        return replace(blank, reason=lacks)
    judged = [
        _Judged(each, decide(claim.direction, claim.smallest, each.estimate))
        for each in found
        if each.estimate.n >= claim.cases
    ]
    outcome = min((each.outcome for each in judged), key=ORDER.index)
    deciding = [each for each in judged if each.outcome == outcome]
    weakest = min(deciding, key=lambda each: _nan_first(each.strength(claim)))
    return _shown(blank, claim, column, weakest, _reason(claim, judged, weakest))


def _lacking(claim: Claim, found: Sequence[Contrast]) -> str:
    """What is missing for a verdict, in a sentence; empty for nothing."""
    for spec in claim.theirs or [""]:
        cases = [each.estimate.n for each in found if each.spec == spec]
        if not cases:
            against = f" against {spec}" if spec else ""
            return f"No comparison of {claim.ours}{against} {claim.where}."
        if max(cases) < claim.cases:
            return f"{max(cases)} of at least {counted(claim.cases, 'case')}."
    return ""


def _nan_first(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _reason(claim: Claim, judged: Sequence[_Judged], weakest: _Judged) -> str:
    """Why this outcome, in a sentence."""
    found, smallest = weakest.contrast.estimate, f"{claim.smallest:g}"
    if math.isnan(found.value):
        why = weakest.contrast.missing
    elif math.isnan(found.low):
        why = "no interval: too few resamples have the difference"
    else:
        why = {
            "holds": f"within {smallest} of 0"
            if claim.direction == "equal"
            else f"beyond 0, and at least {smallest} {claim.direction}",
            "does not hold": f"{smallest} or more apart"
            if claim.direction == "equal"
            else f"less than {smallest} {claim.direction}",
        }.get(weakest.outcome, f"the interval does not decide about {smallest}")
    same = sum(each.outcome == weakest.outcome for each in judged)
    of = f" ({same} of {len(judged)} comparisons)" if len(judged) > 1 else ""
    where = "" if claim.at else f", {claim.where}"  # the levels are in the settings
    return f"{weakest.contrast.settings}{where}: {why}{of}."


def _shown(blank: Verdict, claim: Claim, column: Column, found: _Judged, reason: str) -> Verdict:
    estimate: Estimate = found.contrast.estimate
    return replace(
        blank,
        outcome=found.outcome,
        reason=reason,
        effect=_known(estimate.value),
        low=_known(estimate.low),
        high=_known(estimate.high),
        unit=column.unit,
        n_cases=estimate.n,
        metric=column.title,
        digits=column.digits,
        settings=found.contrast.settings,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _blank(name: str, claim: Claim, reason: str) -> Verdict:
    """Of a claim that has not run."""
    return Verdict(
        name,
        claim.statement,
        claim.by,
        "not run",
        reason,
        command=claim.command,
        paper=claim.paper,
        metric=claim.metric,
    )
