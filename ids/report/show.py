"""`ids table`: what the store holds, printed and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ids.report.after_run import wide_console
from ids.report.figure import draw_curves
from ids.report.grid import Report
from ids.report.matched import matched_reports
from ids.report.rows import bases, curve_frame, frame
from ids.report.table import tables
from ids.run.store import Record, Store


@dataclass(frozen=True)
class Selection:
    """Which results: of data sets whose name starts so, of these methods, of cases with this tag;
    empty takes all.
    """

    output_dir: Path
    dataset: str = ""
    methods: Sequence[str] = ()
    tag: str = ""

    def records(self, store: Store) -> list[Record]:
        return [record for record in store.records() if self._wants(record)]

    def _wants(self, record: Record) -> bool:
        job = record.job
        return (
            str(job["dataset"]).startswith(self.dataset)
            and (not self.methods or job["name"] in self.methods)
            and (not self.tag or self.tag in job["tags"])
        )


def show_tables(selection: Selection, baseline: str, engine: str | None, write: bool) -> int:
    """Means, and differences paired to the baseline; 1 where there is nothing."""
    store = Store(selection.output_dir)
    records = selection.records(store)
    if not records:
        return _nothing(selection)
    found = tables(frame(records, store, engine), baseline, bases(records))
    for report in found:
        _show(report, selection, write)
    return 0


def show_matched(
    selection: Selection, baseline: str, axis: str | None, levels: Sequence[float], write: bool
) -> int:
    """The same at equal strength; with `write` also the curves as a picture."""
    store = Store(selection.output_dir)
    records = selection.records(store)
    if not records:
        return _nothing(selection)
    data = curve_frame(records, store)
    for report in matched_reports(data, axis, levels, baseline, bases(records)):
        path = _show(report, selection, write)
        if path is not None:
            own = data[data["key"].isin(report.keys)]
            picture = draw_curves(own, axis, report.title, path.with_suffix(".png"))
            _say(f"drawn: {picture}")
    return 0


def _show(report: Report, selection: Selection, write: bool) -> Path | None:
    report.print(wide_console())
    if not write:
        return None
    name = f"{report.title} {selection.tag}".strip()
    for old, new in ((" on ", "-"), (":", "-"), (", at equal ", "-at-equal-"), (" ", "-")):
        name = name.replace(old, new)
    path = report.write(selection.output_dir / "tables", name)
    _say(f"written: {path}")
    return path


def _nothing(selection: Selection) -> int:
    _say(f"{selection.output_dir}: no such results yet; `ids run experiments=demo` makes some")
    return 1


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
