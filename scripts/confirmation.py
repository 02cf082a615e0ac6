"""The verdict of docs/confirmation.md: every primary difference, its p-value and Holm's correction.

python scripts/confirmation.py outputs

A p-value is two-sided, from the 10,000 bootstrap resamples of the cases that all tables at matched
strength use: twice the share of resamples on the other side of zero, resamples that miss the level
counted against the difference.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ids
from ids.results.bootstrap import first_reach, mean_curve, read_at, resampled
from ids.results.compare import with_values
from ids.results.curves import Curves, States, paired
from ids.results.labels import baseline_of
from ids.results.methods import MethodCurves, Question, method_curves
from ids.results.significance import ALPHA, holm

LEVELS = (0.8, 0.9)
CANDIDATE = "dds_settled_masked"
BASELINES = tuple(f"dds guidance_scale={w}" for w in (1.5, 2, 3, 7.5))
BASELINES += tuple(f"ids guidance_scale={w}" for w in (3, 7.5))
PRIMARY = "psnr_background"
STEPPED = ("dds_settled_masked", "dds+settle", "ids+settle", "ids+settle+displacement_mask")


@dataclass(frozen=True)
class Comparison:
    """The candidate minus a baseline where both reach a level of success: `value` and `p` of the
    primary outcome, and the ratio of the NFE.
    """

    baseline: str
    level: float
    value: float
    p: float
    nfe: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_dir", type=Path, nargs="?", default=Path("outputs"))
    parser.add_argument("--dataset", default="shapes-test")
    parser.add_argument("--candidate", default=CANDIDATE, help="a method, with conditions")
    words = parser.parse_args()
    frame = with_values(ids.results(words.output_dir, dataset=words.dataset, states=True))
    question = Question("success", knobs=dict.fromkeys(STEPPED, "n_steps"))
    methods = method_curves(frame, question, [PRIMARY, "nfe"])
    found = [one for level in LEVELS for one in comparisons(methods, words.candidate, level)]
    print("\n".join([*lines(found), "", verdict(found, len(LEVELS) * len(BASELINES))]))


def comparisons(methods: MethodCurves, candidate: str, level: float) -> Iterator[Comparison]:
    """The candidate with each baseline that the results have."""
    labels = {name: _label(methods, name) for name in (candidate, *BASELINES)}
    ours = labels.pop(candidate)
    for name, label in labels.items():
        if ours and label:
            sides = paired(methods.states[ours], methods.states[label])
            yield comparison(name, level, *map(States.curves, sides))


def comparison(name: str, level: float, ours: Curves, theirs: Curves) -> Comparison:
    """One comparison, over the cases of both."""
    (a, nfe_a), (b, nfe_b) = (_read(side, level) for side in (ours, theirs))
    d = a - b
    wrong = [np.sum(~(sign * d[1:] > 0)) for sign in (1, -1)]  # nan counts as wrong
    p = min(1.0, 2 * (min(wrong) + 1) / len(d))
    return Comparison(name, level, float(d[0]), float(p), float(nfe_a[0] / nfe_b[0]))


def _read(curves: Curves, level: float) -> Sequence[np.ndarray]:
    """The primary outcome and the NFE at the level, by resample; the first is the estimate."""
    weights = resampled(curves.n_cases)
    place = first_reach(mean_curve(curves.values["success"], weights), level)
    return [read_at(mean_curve(curves.values[key], weights), place) for key in (PRIMARY, "nfe")]


def _label(methods: MethodCurves, name: str) -> str | None:
    """The label of the setting, by a name with conditions."""
    settings = methods.settings
    own = [x for x in settings["label"] if x.split(" ")[0] == name.split(" ")[0]]
    return baseline_of(own[0], settings, name) if own else None


def verdict(found: Sequence[Comparison], planned: int) -> str:
    """Confirmed, refuted or mixed, by the rule of docs/confirmation.md."""
    if len(found) < planned:
        return f"No verdict: {len(found)} of {planned} primary comparisons have results."
    corrected = holm([one.p for one in found])
    better = [one.value > 0 and p < ALPHA for one, p in zip(found, corrected, strict=True)]
    worse = [one.value < 0 and p < ALPHA for one, p in zip(found, corrected, strict=True)]
    if all(better) and all(one.nfe < 1 for one in found):
        return "Confirmed."
    if any(worse):
        return f"Refuted: worse in {sum(worse)} of {planned} comparisons."
    return f"Not confirmed: better in {sum(better)} of {planned} comparisons."


def lines(found: Sequence[Comparison]) -> list[str]:
    """Markdown: a line per comparison."""
    head = ["| against | success | PSNR bg | p | p corrected | NFE ratio |", "|" + " --- |" * 6]
    corrected = holm([one.p for one in found])
    return head + [
        f"| {one.baseline} | {one.level:g} | {one.value:+.2f} | {one.p:.4f} | {p:.4f} | "
        f"{one.nfe:.2f} |"
        for one, p in zip(found, corrected, strict=True)
    ]


if __name__ == "__main__":
    main()
