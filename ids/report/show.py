"""`ids table`: what the store holds, printed and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ids.report.after_run import wide_console
from ids.report.columns import only
from ids.report.figure import draw_curves
from ids.report.grid import Report
from ids.report.matched import axis_of, matched_reports
from ids.report.rows import bases, curve_frame, frame, says, setting_values
from ids.report.table import tables
from ids.run.store import Record, Store


@dataclass(frozen=True)
class Selection:
    """Which results: of data sets whose name starts so, of these methods, of cases with this tag,
    of settings with these values (`guidance_scale=3`); empty takes all. What takes no prompts
    (null and true edit) has no such values, and stays.
    """

    output_dir: Path
    dataset: str = ""
    methods: Sequence[str] = ()
    tag: str = ""
    where: Sequence[str] = ()

    def records(self, store: Store) -> list[Record]:
        return [record for record in store.records() if self._wants(record)]

    def _wants(self, record: Record) -> bool:
        job = record.job
        return (
            str(job["dataset"]).startswith(self.dataset)
            and (not self.methods or job["name"] in self.methods)
            and (not self.tag or self.tag in job["tags"])
            and (
                job["identity"]["prompts"] is None
                or all(says(setting_values(job), told) for told in self.where)
            )
        )


def show_tables(
    selection: Selection,
    baseline: str,
    engine: str | None,
    columns: Sequence[str],
    write: bool,
) -> int:
    """Means, and differences paired to the baseline; 1 where there is nothing."""
    store = Store(selection.output_dir)
    records = selection.records(store)
    if not records:
        return _nothing(selection)
    data = only(frame(records, store, engine), columns)
    for report in tables(data, baseline, bases(records, data)):
        _show(report, selection, write)
    return 0


def show_matched(
    selection: Selection,
    baseline: str,
    axis: str | None,
    levels: Sequence[float],
    columns: Sequence[str],
    write: bool,
) -> int:
    """The same at equal strength; with `write` also the curves as a picture."""
    store = Store(selection.output_dir)
    records = selection.records(store)
    if not records:
        return _nothing(selection)
    data = curve_frame(records, store)
    axis = axis or axis_of(data)
    data = only(data, [*columns, axis] if columns else ())
    notes = (*bases(records, data), *_unkept(records, store))
    for report in matched_reports(data, axis, levels, baseline, notes):
        path = _show(report, selection, write)
        if path is not None:
            own = data[data["key"].isin(report.keys)]
            picture = draw_curves(own, axis, report.title, path.with_suffix(".png"))
            _say(f"drawn: {picture}")
    return 0


def _unkept(records: Sequence[Record], store: Store) -> tuple[str, ...]:
    """An edit without states is missed in a curve: that is said."""
    guided = [r for r in records if r.status == "ok" and r.job["identity"]["prompts"] is not None]
    missing = sum(not store.along(record.key) for record in guided)
    return (f"Left out: {missing} edits that kept no states (keep_every=0).",) if missing else ()


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
