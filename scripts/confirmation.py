"""The verdict of docs/confirmation.md: every primary difference, its p-value and Holm's correction.

python scripts/confirmation.py outputs

A p-value is two-sided, from the 10,000 bootstrap resamples of the cases that all tables at matched
strength use. NFE are those of an edit made alone: shared source halves and edits, which spare most
of them here, are no property of a method. The secondary numbers go to outputs/tables.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import ids
from ids.core.errors import IdsError
from ids.results.bootstrap import REACHED, MeanOf, first_reach, mean_curves, read_at
from ids.results.compare import with_values
from ids.results.curves import Curves, States, paired
from ids.results.labels import in_order, matches
from ids.results.methods import MethodCurves, Question, method_curves
from ids.results.significance import ALPHA, holm

LEVELS, AT_NFE = (0.8, 0.9), (50.0, 100.0, 200.0)
PRIMARY = "psnr_background"
SECONDARY = ("psnr_background", "psnr_truth", "feature_distance", "clip_directional")
CANDIDATE = "dds_settled_masked guidance_scale=7.5"
UNSETTLED = "dds guidance_scale=7.5"  # without settling steps: cheaper by construction
# Every primary setting and the points of its curve, the untouched source included.
POINTS = {
    CANDIDATE: 9,
    "dds guidance_scale=1.5": 33,
    "dds guidance_scale=2": 33,
    "dds guidance_scale=3": 21,
    UNSETTLED: 17,
    "ids guidance_scale=3": 21,
    "ids guidance_scale=7.5": 17,
}
EDITS = 192  # 64 cases, 3 seeds
ENOUGH = 0.95  # of the edits
PER_STEP = {"dds": 4, "ids": 16}  # NFE of a guided step; N = 3; a step without guidance costs half
SETTLED: tuple[str, ...] = (
    "dds_settled_masked",
    "dds+settle",
    "dds+settle+fixed_mask",
    "ids+settle",
)
SETTLED += ("ids+settle+displacement_mask", "ids+settle+fixed_mask")
KNOBS = dict.fromkeys(SETTLED, "n_steps")


@dataclass(frozen=True)
class Comparison:
    """The candidate minus a baseline where both reach a level of success: `value` and `p` of the
    primary outcome, and the ratio of the NFE; nan where one misses the level. `lacks`: what is
    missing of the plan.
    """

    baseline: str
    level: float
    value: float = math.nan
    p: float = 1.0
    nfe: float = math.nan
    lacks: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_dir", type=Path, nargs="?", default=Path("outputs"))
    parser.add_argument("--dataset", default="shapes-test")
    words = parser.parse_args()
    frame = alone(ids.results(words.output_dir, dataset=words.dataset, states=True))
    methods = method_curves(frame, Question("success", knobs=KNOBS), [PRIMARY, "nfe"])
    found = [one for level in LEVELS for one in comparisons(methods, level)]
    print("\n".join([*lines(found), "", verdict(found)]))
    if not any(one.lacks for one in found):
        write_secondary(frame, words.output_dir / "tables")


def alone(frame: pd.DataFrame) -> pd.DataFrame:
    """With the NFE of edits that share nothing with others."""
    frame = with_values(frame)
    places = zip(frame["label"], frame["step"], frame["values"], strict=True)
    return frame.assign(nfe=[nfe_alone(*place) for place in places])


def nfe_alone(label: str, step: float, values: Mapping[str, str]) -> float:
    """Of `step` steps, or of a whole edit without kept states; 0 for the null and the true edit."""
    name = label.split(" ")[0].split("+")[0].removesuffix("_settled_masked")
    steps = float(values.get("n_steps", 0)) if math.isnan(step) else step
    return PER_STEP.get(name, 0) * (steps - float(values.get("guidance.steps", 0)) / 2)


def comparisons(methods: MethodCurves, level: float) -> Iterator[Comparison]:
    """The candidate with each baseline."""
    mean = mean_curves()
    ours = label_of(methods, CANDIDATE)
    for name in [name for name in POINTS if name != CANDIDATE]:
        theirs = label_of(methods, name)
        if ours and theirs:
            sides = paired(methods.states[ours], methods.states[theirs])
            lacks = lacking(sides, (CANDIDATE, name), POINTS)
            if lacks:
                yield Comparison(name, level, lacks=lacks)
            else:
                yield comparison(name, level, [side.curves() for side in sides], mean)
        else:
            absent = name if ours else CANDIDATE
            yield Comparison(name, level, lacks=f"{absent}: no results")


def lacking(sides: Sequence[States], names: Sequence[str], points: Mapping[str, int]) -> str:
    """What two settings lack of the plan, with these points of their curves; empty for nothing."""
    for side, name in zip(sides, names, strict=True):
        edits = len(np.unique(side.edits))
        if edits < ENOUGH * EDITS:
            return f"{name}: {edits} of {EDITS} edits"
        if (found := len(side.curves().steps)) != points[name]:
            return f"{name}: {found} of {points[name]} points"
    return ""


def comparison(name: str, level: float, sides: Sequence[Curves], mean: MeanOf) -> Comparison:
    """One setting minus another, over the cases of both. p is 1 where a side misses the level, or
    both reach it in fewer resamples than intervals need.
    """
    (a, nfe_a), (b, nfe_b) = (_read(side, level, mean) for side in sides)
    d, known = a - b, (a - b)[1:][np.isfinite((a - b)[1:])]
    p = 1.0
    if np.isfinite(d[0]) and len(known) >= REACHED * (len(d) - 1):
        wrong = min(np.sum(known <= 0), np.sum(known >= 0))
        p = min(1.0, 2 * (wrong + 1) / (len(known) + 1))
    return Comparison(name, level, float(d[0]), float(p), float(nfe_a[0] / nfe_b[0]))


def _read(curves: Curves, level: float, mean: MeanOf) -> Sequence[np.ndarray]:
    """The primary outcome and the NFE at the level, by resample; the first is the estimate."""
    every = np.ones(curves.n_cases, bool).tobytes()
    place = first_reach(mean(curves, "success", every), level)
    return [read_at(mean(curves, key, every), place) for key in (PRIMARY, "nfe")]


def label_of(methods: MethodCurves, name: str) -> str | None:
    """The label of the one setting of this name with these conditions."""
    base, *conditions = name.split()
    values = dict(zip(methods.settings["label"], methods.settings["values"], strict=True))
    found = [
        label
        for label in in_order(values)
        if label.split(" ")[0] == base and all(matches(values[label], c) for c in conditions)
    ]
    return found[0] if len(found) == 1 else None


def verdict(found: Sequence[Comparison]) -> str:
    """By the rule of docs/confirmation.md."""
    if lacks := dict.fromkeys(one.lacks for one in found if one.lacks):
        return f"No verdict: {'; '.join(lacks)}."
    corrected = holm([one.p for one in found])
    better = [one.value > 0 and p < ALPHA for one, p in zip(found, corrected, strict=True)]
    worse = [one.value < 0 and p < ALPHA for one, p in zip(found, corrected, strict=True)]
    if any(worse):
        return f"Refuted: worse in {sum(worse)} of {len(found)} comparisons."
    if not all(better):
        return f"Not confirmed: better in {sum(better)} of {len(found)} comparisons."
    costly = [one for one in found if one.baseline != UNSETTLED and not one.nfe < 1]
    if costly:
        return f"Not confirmed: better in all comparisons, for more NFE in {len(costly)}."
    return "Confirmed."


def lines(found: Sequence[Comparison]) -> list[str]:
    """Markdown: a line per comparison."""
    head = ["| against | success | PSNR bg | p | p corrected | NFE ratio |", "|" + " --- |" * 6]
    corrected = holm([one.p for one in found])
    return head + [
        f"| {one.baseline} | {one.level:g} | {one.value:+.2f} | {one.p:.4f} | {p:.4f} | "
        f"{one.nfe:.2f} |"
        for one, p in zip(found, corrected, strict=True)
    ]


def write_secondary(frame: pd.DataFrame, folder: Path) -> None:
    """Every setting at equal success and at equal NFE, as CSV: means, and differences to DDS at its
    guidance scale.
    """
    for axis, at, more in (("success", LEVELS, "nfe"), ("nfe", AT_NFE, "success")):
        numbers = ids.matched(frame, axis, at, columns=[*SECONDARY, more], knobs=KNOBS)
        folder.mkdir(parents=True, exist_ok=True)
        numbers.to_csv(folder / f"confirmation_{axis}.csv", index=False)


if __name__ == "__main__":
    try:
        main()
    except IdsError as error:
        raise SystemExit(str(error)) from error
