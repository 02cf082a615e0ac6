"""Matched numbers against a plain calculation of the same: one cell at a time, by pandas."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ids.results.grids import Estimate
from ids.results.matched import matched_report
from ids.results.methods import Question
from ids.results.resampling import bootstrap_interval, draw_counts

LEVEL = 0.5731  # no mean is exactly that, so that rounding decides nothing
METRICS = ("psnr", "psnr_background", "clip_directional")
Table = pd.DataFrame  # of one setting and metric: a line per case, a column per step


def frame(n_cases: int = 30, seeds: Sequence[int] = (0, 1, 2)) -> pd.DataFrame:
    """Three settings with gaps of every kind, and a true edit without steps."""
    rng = np.random.default_rng(0)
    lines = []
    for at, label in enumerate(("dds (g=3)", "dds (g=7)", "ids (g=3)")):
        for case in range(n_cases - at):  # not all settings have all cases, nor all seeds
            for seed in seeds[: len(seeds) - (case + at) % 2]:
                kept = range(0, 60, 10 if case % 3 else 5)  # some kept more
                lines += [_line(label, case, seed, step, rng) for step in kept]
    lines += [_line("true_edit", case, -1, 0, rng) for case in range(n_cases)]
    found = pd.DataFrame(lines)
    found.loc[found["case"] > "c20", "psnr_background"] = math.nan  # no mask
    found.loc[(found["step"] == 0) & (found["case"] > "c04"), "clip_directional"] = math.nan
    found.loc[found["label"] == "true_edit", "success"] = math.nan  # it is shown unmatched
    found.loc[rng.random(len(found)) < 0.05, "psnr"] = math.nan  # of some seeds
    found.loc[(found["case"] == "c05") & (found["step"] == 20), "psnr"] = math.nan  # of all
    found["knob"] = found["step"]
    return found.sample(frac=1, random_state=0)


def _line(
    label: str, case: int, seed: int, step: int, rng: np.random.Generator
) -> dict[str, object]:
    name, _, setting = label.partition(" ")
    values = {"name": name, "g": setting}
    edit = {"key": f"{label}{case}{seed}", "label": label, "values": values, "seed": seed}
    success = float(rng.random() < 0.2 + step / 60)
    metrics = {metric: rng.normal(20 - step / 10, 2) for metric in METRICS}
    return edit | {"case": f"c{case:02}", "step": step, "success": success, **metrics}


def table(edits_of: pd.DataFrame, metric: str) -> Table:
    edits = edits_of.drop_duplicates(["case", "seed"])
    kept = [step for step, lines in edits_of.groupby("step") if len(lines) == len(edits)]
    shared = edits_of[edits_of["step"].isin(kept)]
    return shared.groupby(["case", "step"])[metric].mean().unstack("step")


def read(axis: Table, wanted: Table, level: float, weights: np.ndarray) -> np.ndarray:
    """Per resample: where the mean of the axis first gets to the level, the mean of the wanted."""
    found = []
    for a, w in zip(means(axis, weights), means(wanted, weights), strict=True):
        reached = [k for k in range(len(a)) if a[k] >= level] if len(a) > 1 else [0]
        if not reached or a[0] > level:
            found.append(math.nan)
        elif reached[0] == 0:
            found.append(w[1] if len(w) > 1 and math.isnan(w[0]) else w[0])
        else:
            low, high = reached[0] - 1, reached[0]
            share = (level - a[low]) / (a[high] - a[low])
            found.append(w[high] if math.isnan(w[low]) else w[low] + share * (w[high] - w[low]))
    return np.array(found)


def means(side: Table, weights: np.ndarray) -> list[list[float]]:
    known = side.notna().to_numpy(float)
    total = np.einsum("rc,cs->rs", weights, known)
    with np.errstate(invalid="ignore"):
        return (np.einsum("rc,cs->rs", weights, side.fillna(0).to_numpy()) / total).tolist()


def defined(axis: Table, wanted: Table) -> set[str]:
    sides = [axis.iloc[:, 1:], wanted.iloc[:, 1:]] if axis.shape[1] > 1 else [wanted]
    return set(wanted.index[np.all([side.notna().all(axis=1) for side in sides], axis=0)])


def expected(sides: Sequence[pd.DataFrame], metric: str) -> tuple[float, ...]:
    """value, low, high, n of a setting, or of the difference of two."""
    pairs = [(table(side, "success"), table(side, metric)) for side in sides]
    cases = sorted(set.intersection(*(defined(*pair) for pair in pairs)))
    if not (n := len(cases)):
        return math.nan, math.nan, math.nan, 0
    weights = np.concatenate([np.ones((1, n)), draw_counts(n)]) / n
    values = [read(a.loc[cases], w.loc[cases], LEVEL, weights) for a, w in pairs]
    found = values[0] if len(values) == 1 else values[0] - values[1]
    known = found[1:][~np.isnan(found[1:])]
    if len(known) < 9500:
        return float(found[0]), math.nan, math.nan, n
    ((low, high),) = bootstrap_interval(known[None], found[:1], n)
    return float(found[0]), float(low), float(high), n


def compare(cells: Sequence[Estimate], expected_cells: Sequence[Sequence[float]]) -> None:
    found = [(cell.value, cell.low, cell.high, cell.n) for cell in cells]
    np.testing.assert_allclose(found, expected_cells, rtol=1e-12, atol=1e-12)


def test_cells_are_what_a_plain_calculation_gives() -> None:
    data = frame()
    settings = dict(list(data.groupby("label")))
    alone, differences = matched_report("t", data, Question("success", (LEVEL,))).grids
    assert [row.method for row in alone.rows] == [
        "dds (g=3)",
        "dds (g=7)",
        "ids (g=3)",
        "true_edit",
    ]
    for row in alone.rows:
        columns = [column.key for column in alone.columns]
        compare(row.cells, [expected([settings[row.method]], key) for key in columns])
    (row,) = differences.rows
    assert (row.method, row.against) == ("ids (g=3)", "dds (g=3)")
    ours, theirs = settings[row.method], settings["dds (g=3)"]
    shared = ours[["case", "seed"]].merge(theirs[["case", "seed"]]).drop_duplicates()
    sides = [ours.merge(shared), theirs.merge(shared)]
    compare(row.cells, [expected(sides, column.key) for column in differences.columns])
    assert {cell.n for cell in row.cells} == {21, 27, 28}


def test_edits_without_a_common_step_are_not_read_as_finished() -> None:
    """One that kept steps 10 and 20, one that kept 15: only the untouched source is common."""
    data = frame(8, (0, 1))
    odd = (data["case"] == "c01") & (data["step"] > 0)
    data.loc[odd & (data["label"] == "ids (g=3)"), "step"] += 1
    report = matched_report("t", data, Question("success", (LEVEL,)))
    row = next(row for row in report.grids[0].rows if row.method == "ids (g=3)")
    assert all(math.isnan(cell.value) for cell in row.cells)
    assert row.cells[0].n == row.cases > 0
    assert any(note.startswith("ids (g=3): its edits share no kept step") for note in report.notes)


def test_a_level_that_no_method_reaches_is_explained() -> None:
    report = matched_report("t", frame(), Question("success", (1.5,), "dds"))
    assert any("No method reaches success 1.5: the highest mean is" in n for n in report.notes)
    assert not any(
        "No method reaches" in n
        for n in matched_report("t", frame(), Question("success", (LEVEL,), "dds")).notes
    )
