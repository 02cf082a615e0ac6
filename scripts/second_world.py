"""What the confirmation found, in a second embedded world: docs/confirmation.md has the plan.

python scripts/second_world.py outputs/second_world

Every effect is a paired difference at equal success, with a 95 % interval over the cases. p-values,
NFE and the checks for missing results are those of scripts/confirmation.py.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confirmation import CANDIDATE, KNOBS, Comparison, alone, comparison, label_of, lacking

import ids
from ids.core.errors import IdsError
from ids.results.bootstrap import (
    REACHED,
    Level,
    MeanOf,
    first_reach,
    mean_curves,
    read,
)
from ids.results.curves import Curves, paired
from ids.results.grids import Estimate
from ids.results.methods import MethodCurves, Question, method_curves
from ids.results.significance import ALPHA, holm

LEVELS = (0.8, 0.7, 0.6)  # the first that all settings of the effects reach
ALSO_AT = 0.9  # without a verdict
COLUMNS = ("psnr_background", "psnr_truth")
DDS_3, DDS_7 = "dds guidance_scale=3", "dds guidance_scale=7.5"
MASK_3, MASK_7 = (f"dds+displacement_mask guidance_scale={w}" for w in ("3", "7.5"))
SETTLE_3, SETTLE_7 = (f"dds+settle guidance_scale={w}" for w in ("3", "7.5"))
BOTH_3 = "dds_settled_masked guidance_scale=3"
IDS, IDS_MASK = "ids guidance_scale=7.5", "ids+displacement_mask guidance_scale=7.5"
# Every setting and the points of its curve, the untouched source included: as in the confirmation.
POINTS = dict.fromkeys((DDS_3, MASK_3), 21) | dict.fromkeys((DDS_7, MASK_7, IDS, IDS_MASK), 17)
POINTS |= dict.fromkeys((SETTLE_7, CANDIDATE), 9) | dict.fromkeys((SETTLE_3, BOTH_3), 7)


@dataclass(frozen=True)
class Effect:
    """One setting minus another; positive in the first world."""

    name: str
    ours: str
    theirs: str


EFFECTS = (
    Effect("mask, guidance 3", MASK_3, DDS_3),
    Effect("mask, guidance 7.5", MASK_7, DDS_7),
    Effect("settling steps, guidance 7.5", SETTLE_7, DDS_7),
    Effect("both, guidance 7.5", CANDIDATE, DDS_7),
    Effect("both at 7.5 against DDS at 3", CANDIDATE, DDS_3),
)
OTHERS = (  # no verdict
    Effect("guidance 3 against 7.5", DDS_3, DDS_7),
    Effect("settling steps, guidance 3", SETTLE_3, DDS_3),
    Effect("both, guidance 3", BOTH_3, DDS_3),
    Effect("IDS against DDS, guidance 7.5", IDS, DDS_7),
    Effect("mask on IDS, guidance 7.5", IDS_MASK, IDS),
    Effect("both at 7.5 against IDS at 7.5", CANDIDATE, IDS),
)


@dataclass(frozen=True)
class Sides:
    """The curves of an effect's two settings over their common edits. `lacks`: what is missing of
    the plan.
    """

    effect: Effect
    curves: Sequence[Curves] = ()
    lacks: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_dir", type=Path, nargs="?", default=Path("outputs/second_world"))
    parser.add_argument("--dataset", default="shapes-test")
    words = parser.parse_args()
    names = sorted({label.split(" ")[0] for label in POINTS})
    frame = ids.results(words.output_dir, dataset=words.dataset, method=names, states=True)
    question = Question("success", knobs=KNOBS)
    methods = method_curves(alone(frame), question, [*COLUMNS, "nfe"])
    print("\n".join(report(methods)))


def report(methods: MethodCurves) -> list[str]:
    """Markdown: the effects with their verdict, then all of them at `ALSO_AT` and what else has
    results.
    """
    ours = [sides_of(methods, effect) for effect in EFFECTS]
    if lacks := dict.fromkeys(sides.lacks for sides in ours if sides.lacks):
        return [f"No verdict: {'; '.join(lacks)}."]
    mean = mean_curves()
    level = common_level([curves for sides in ours for curves in sides.curves], mean)
    if level is None:
        return [f"No verdict: a setting does not reach success {LEVELS[-1]:g}."]
    compared = [compare(sides, level, mean) for sides in ours]
    outcomes = [outcome(one.value, p) for one, p in zip(compared, corrected(compared), strict=True)]
    others = [sides for sides in (sides_of(methods, e) for e in OTHERS) if not sides.lacks]
    head = ["| effect | success | PSNR bg | PSNR true | NFE ratio | p corrected | outcome |"]
    head += ["|" + " --- |" * 7]
    lines = [
        line(sides, level, mean, f"{p:.4f} | {word}")
        for sides, p, word in zip(ours, corrected(compared), outcomes, strict=True)
    ]
    lines += [line(sides, level, mean) for sides in others]
    lines += [line(sides, ALSO_AT, mean) for sides in (*ours, *others)]
    return [*head, *lines, "", verdict(outcomes)]


def sides_of(methods: MethodCurves, effect: Effect) -> Sides:
    """Both settings of an effect, checked against the plan."""
    names = (effect.ours, effect.theirs)
    labels = [label_of(methods, name) for name in names]
    absent = [name for name, label in zip(names, labels, strict=True) if label is None]
    if absent:
        return Sides(effect, lacks=f"{absent[0]}: no results")
    both = paired(*(methods.states[label] for label in labels if label))
    return Sides(effect, [states.curves() for states in both], lacking(both, names, POINTS))


def common_level(curves: Sequence[Curves], mean: MeanOf) -> float | None:
    """The first of `LEVELS` that every curve reaches in enough resamples."""

    def reached(side: Curves, level: float) -> bool:
        success = mean(side, "success", np.ones(side.n_cases, bool).tobytes())
        return bool(np.isfinite(first_reach(success, level)).mean() >= REACHED)

    return next((level for level in LEVELS if all(reached(side, level) for side in curves)), None)


def compare(sides: Sides, level: float, mean: MeanOf) -> Comparison:
    """The primary outcome at a level, its p-value and the ratio of NFE."""
    return comparison(sides.effect.name, level, sides.curves, mean)


def corrected(compared: Sequence[Comparison]) -> list[float]:
    """p-values by Holm's method."""
    return holm([one.p for one in compared])


def outcome(value: float, p: float) -> str:
    """By the rule of docs/confirmation.md."""
    if p >= ALPHA:
        return "open"
    return "carried over" if value > 0 else "opposite"


def line(sides: Sides, level: float, mean: MeanOf, verdict: str = "- | -") -> str:
    """An effect at a level, as Markdown."""
    at = Level("success", level)
    values = [shown(read(sides.curves, at, column, mean)) for column in COLUMNS]
    ratio = compare(sides, level, mean).nfe
    return f"| {sides.effect.name} | {level:g} | {' | '.join(values)} | {ratio:.2f} | {verdict} |"


def shown(estimate: Estimate) -> str:
    """`+0.78 [+0.55, +1.06]`; without the interval where there is none, `-` without a value."""
    if math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return f"{estimate.value:+.2f}"
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"


def verdict(outcomes: Sequence[str]) -> str:
    """The number of effects of each outcome."""
    carried, opposite = outcomes.count("carried over"), outcomes.count("opposite")
    return f"Carried over: {carried} of {len(outcomes)} effects. Opposite: {opposite}."


if __name__ == "__main__":
    try:
        main()
    except IdsError as error:
        raise SystemExit(str(error)) from error
