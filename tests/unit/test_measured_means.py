"""Means of what edits cost."""

from itertools import product

import pandas as pd

from ids.results.table import table


def frame() -> pd.DataFrame:
    """Six cases and three seeds of two methods, a batch each."""
    same = {"status": "ok", "reason": "", "seconds": 1.0, "nfe": 4.0, "engine": "cpu, batch 1"}
    lines = [
        {"key": key, "batch": key, "label": label, "values": {"name": label}, "case": case}
        | {"seed": seed, "psnr": 20.0 + seed, "peak_mb": 100.0}
        | same
        for label, case, seed in product(("dds", "ids"), "abcdef", range(3))
        for key in [f"{label}{case}{seed}"]
    ]
    return pd.DataFrame(lines)


def test_costs_with_and_without_shared_source_halves_are_never_averaged() -> None:
    data = frame().assign(anchors="ahead")
    found = (data.label == "ids") & (data.case == "a")
    data.loc[found, ["anchors", "nfe", "seconds"]] = "shared", 2.0, 0.5
    report = table("t", data)
    (row, *_) = (row for row in report.grids[0].rows if row.method == "ids")
    assert [(cell.value, cell.n) for cell in row.cells[1:]] == [(1.0, 15), (4.0, 15), (100.0, 15)]
    assert row.cells[0].n == 6
    assert "leave out 3 edits that computed source halves at other times" in " ".join(
        report.all_notes()
    )
    assert "leave out" not in " ".join(table("t", frame()).all_notes())
