"""Columns that do not fit the terminal are named, and no footnote is about them alone."""

import io

import pandas as pd
from rich.console import Console

from ids.report.formats import markdown
from ids.report.render import print_report
from ids.results.columns import PIE_ORDER
from ids.results.grids import Report
from ids.results.table import table


def frame() -> pd.DataFrame:
    """Three cases of DDS and of IDS."""
    common = {"seed": 0, "status": "ok", "reason": "", "values": {}}
    lines = [
        {"key": f"{label}{case}", "case": f"c{case}", "label": label, "psnr": 20.0 + case**2}
        | {"seconds": 1.0, "batch": f"{label}{case}", "nfe": 4.0, "peak_mb": 9.0}
        for label in ("dds", "ids")
        for case in range(3)
    ]
    return pd.DataFrame([common | line for line in lines])


def printed(report: Report, width: int, wide: bool = False) -> str:
    console = Console(width=width, file=io.StringIO())
    print_report(report, console, wide)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_notes_are_about_the_columns_that_are_shown() -> None:
    data = frame().assign(engine="cpu")
    data["peak_mb"] += data.index  # an interval of three batches
    report = table("t", data)
    seconds, few = "Seconds and memory over batches", "cases or batches behind intervals of PSNR"
    narrow = printed(report, 28)
    assert "Not shown: s/edit, NFE, peak MB; --wide shows all columns." in narrow
    assert f"{few}: too narrow." in narrow
    assert seconds not in narrow
    for text in (printed(report, 200), printed(report, 28, wide=True), markdown(report)):
        assert f"{few}, s/edit, peak MB: too narrow." in text
        assert seconds in text
        assert "Not shown" not in text


def test_columns_of_pie_bench_that_do_not_fit_are_named() -> None:
    data = frame()
    for name in PIE_ORDER[:8]:
        data[f"pie_{name}"] = data["psnr"]
    report = table("t", data)
    text = printed(report, 120)
    headers, hidden = text.partition("─")[0], text.partition("Not shown: ")[2]
    for column in report.grids[0].columns:
        assert (column.header in headers) != (column.title in hidden.split(";")[0].split(", "))
