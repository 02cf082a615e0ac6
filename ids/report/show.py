"""`ids table`: what the store holds, printed and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ids.core.errors import ConfigError, DataError
from ids.report.after_run import wide_console
from ids.report.columns import only
from ids.report.figure import draw_curves
from ids.report.grid import Report
from ids.report.matched import Question, axis_of, matched_report
from ids.report.rows import bases, by_world, curve_frame, frame, says, setting_values
from ids.report.table import table
from ids.run.store import Record, Store


@dataclass(frozen=True)
class Selection:
    """Which results: of data sets whose name starts so, of these methods, of cases with this tag,
    of settings with these values (`guidance_scale=3`); empty takes all. What takes no prompts
    (null and true edit) has no such values, and stays. `columns` are shown alone.
    """

    output_dir: Path
    dataset: str = ""
    methods: Sequence[str] = ()
    tag: str = ""
    where: Sequence[str] = ()
    columns: Sequence[str] = ()

    def records(self, store: Store) -> list[Record]:
        found = [record for record in store.records() if self._wants(record)]
        guided = [setting_values(r.job) for r in found if _guided(r)]
        for told in self.where:
            if not any(says(values, told) for values in guided):
                raise ConfigError(f"--where {told}: expected a value of some setting; none has it")
        return [r for r in found if not _guided(r) or self._fits(r)]

    def told(self) -> str:
        """Which results, in words, for titles and file names."""
        parts = [*self.methods, self.tag, *self.where]
        return ", ".join(part for part in parts if part)

    def _wants(self, record: Record) -> bool:
        job = record.job
        return (
            str(job["dataset"]).startswith(self.dataset)
            and (not self.methods or job["name"] in self.methods)
            and (not self.tag or self.tag in job["tags"])
        )

    def _fits(self, record: Record) -> bool:
        return all(says(setting_values(record.job), told) for told in self.where)


def show_tables(selection: Selection, baseline: str, engine: str | None, write: bool) -> int:
    """Means, and differences paired to the baseline; 1 where there is nothing."""
    store = Store(selection.output_dir)
    worlds = by_world(selection.records(store))
    for world, records in worlds.items():
        data = only(frame(records, store, engine), selection.columns)
        _show(
            table(_title(world, selection), data, baseline, bases(records, data)), selection, write
        )
    return 0 if worlds else _nothing(selection)


def show_matched(selection: Selection, question: Question, write: bool) -> int:
    """The same at equal strength; with `write` also the curves as a picture."""
    store = Store(selection.output_dir)
    worlds = by_world(selection.records(store))
    unmatched = []
    for world, records in worlds.items():
        try:
            _show_matched(world, records, store, selection, question, write)
        except DataError as error:
            if len(worlds) == 1:
                raise
            unmatched.append(f"{world}: {error}")
    for told in unmatched:
        _say(told)
    return int(len(unmatched) == len(worlds)) if worlds else _nothing(selection)


def _show_matched(
    world: str,
    records: Sequence[Record],
    store: Store,
    selection: Selection,
    question: Question,
    write: bool,
) -> None:
    data = curve_frame(records, store)
    axis = axis_of(data, question.axis)
    data = only(data, selection.columns, keep=axis)
    notes = (*bases(records, data), *_left_out(records, store))
    report = matched_report(_title(world, selection), data, question, notes)
    path = _show(report, selection, write)
    if path is not None and (picture := draw_curves(data, axis, report.title, path)):
        _say(f"drawn: {picture}")


def _show(report: Report, selection: Selection, write: bool) -> Path | None:
    report.print(wide_console())
    if not write:
        return None
    path = report.write(selection.output_dir / "tables")
    _say(f"written: {path}")
    return path


def _title(world: str, selection: Selection) -> str:
    return ", ".join(part for part in (world, selection.told()) if part)


def _left_out(records: Sequence[Record], store: Store) -> tuple[str, ...]:
    """An edit without states is missed in a curve: that is said."""
    guided = [record for record in records if record.status == "ok" and _guided(record)]
    unkept = sum(not store.has_states(record.key) for record in guided)
    unjudged = sum(not store.along(record.key) for record in guided) - unkept
    notes = []
    if unkept:
        notes.append(f"Left out: {unkept} edits that kept no states.")
    if unjudged:
        notes.append(f"Left out: {unjudged} edits whose states are not judged yet; run them again.")
    return tuple(notes)


def _guided(record: Record) -> bool:
    return record.job["identity"]["prompts"] is not None


def _nothing(selection: Selection) -> int:
    _say(f"{selection.output_dir}: no such results yet; `ids run experiments=demo` makes some")
    return 1


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
