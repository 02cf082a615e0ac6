"""`ids table`: what the store holds, printed and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import ConfigError, DataError
from ids.report.figure import draw_curves
from ids.report.grid import Report
from ids.report.summary import say, wide_console
from ids.report.table import table
from ids.results.catalog import Catalog, Entry, ResultGroup, open_store, read_catalog
from ids.results.columns import select_columns
from ids.results.frames import curve_frame, frame, matches, setting_values, weights_notes
from ids.results.matched import Question, axis_of, matched_report
from ids.run.records import EditRecord
from ids.run.store import Store


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

    def worlds(self, catalog: Catalog, strict: bool = False) -> list[ResultGroup]:
        """What is left of each data set; without those of which nothing is. `strict` leaves out
        what takes no prompts where values were asked for: it has none.
        """
        found = [
            world.only(e for e in world.entries if self._wants(world, e))
            for world in catalog.worlds
        ]
        settings = {e.record.setting: e.record for w in found for e in w.entries if e.uses_prompts}
        fitting = set(settings)
        for told in self.where:
            having = {k for k, record in settings.items() if matches(setting_values(record), told)}
            if not having:
                raise ConfigError(f"--where {told}: expected a value of some setting; none has it")
            fitting &= having
        kept = [
            world.only(
                entry
                for entry in world.entries
                if entry.record.setting in fitting
                or not (entry.uses_prompts or (strict and self.where))
            )
            for world in found
        ]
        return [world for world in kept if world.entries]

    def orphans(self, catalog: Catalog) -> list[EditRecord]:
        """Results that answer no row, by method and values: they have no data set and no tags."""
        if self.dataset or self.tag:
            raise ConfigError("--orphans: expected without --dataset and --tag: they have neither")
        return [
            record
            for record in catalog.orphans
            if (not self.methods or record.name in self.methods)
            and all(matches(setting_values(record), told) for told in self.where)
        ]

    def told(self) -> str:
        """Which results, in words, for titles and file names."""
        parts = [*self.methods, self.tag, *self.where]
        return ", ".join(part for part in parts if part)

    def _wants(self, world: ResultGroup, entry: Entry) -> bool:
        return (
            world.manifest.name.startswith(self.dataset)
            and (not self.methods or entry.record.name in self.methods)
            and (not self.tag or self.tag in entry.row.tags)
        )


def show_tables(selection: Selection, baseline: str, engine: str | None, write: bool) -> int:
    """Means, and differences paired to the baseline; 1 where there is nothing."""
    store = open_store(selection.output_dir)
    catalog = read_catalog(store)
    worlds = selection.worlds(catalog)
    if engine is not None and engine not in store.numbers.engines():
        told = ", ".join(store.numbers.engines()) or "none"
        raise ConfigError(f"--engine {engine}: expected one with measurements; there is {told}")
    for world in worlds:
        data = select_columns(frame(world.entries, store, engine, world.broken), selection.columns)
        notes = (*weights_notes(world.entries, data), *_unjudged(world), *world.notes())
        _show(table(_title(world, selection), data, baseline, notes), selection, write)
    return _end(selection, catalog, bool(worlds))


def show_matched(selection: Selection, question: Question, write: bool) -> int:
    """The same at equal strength; with `write` also the curves as an image."""
    store = open_store(selection.output_dir)
    catalog = read_catalog(store)
    worlds = selection.worlds(catalog)
    unmatched = []
    for world in worlds:
        try:
            _show_matched(world, store, selection, question, write)
        except DataError as error:
            if len(worlds) == 1:
                raise
            unmatched.append(f"{world.title}: {error}")
    for told in unmatched:
        say(told)
    return _end(selection, catalog, len(unmatched) < len(worlds))


def _show_matched(
    world: ResultGroup, store: Store, selection: Selection, question: Question, write: bool
) -> None:
    data = curve_frame(world.entries, store)
    axis = axis_of(data, question.axis)
    data = select_columns(data, selection.columns, keep=axis)
    notes = (*weights_notes(world.entries, data), *_stateless(world), *world.notes())
    report = matched_report(_title(world, selection), data, question, notes)
    path = _show(report, selection, write)
    if path is not None and (image := draw_curves(data, axis, report.title, path)):
        say(f"drawn: {image}")


def _show(report: Report, selection: Selection, write: bool) -> Path | None:
    report.print(wide_console())
    if not write:
        return None
    path = report.write(selection.output_dir / "tables")
    say(f"written: {path}")
    return path


def _title(world: ResultGroup, selection: Selection) -> str:
    return ", ".join(part for part in (world.title, selection.told()) if part)


def _unjudged(world: ResultGroup) -> tuple[str, ...]:
    """Numbers of an earlier mask or prompt are not shown for the one that is there now."""
    bare = sum(e.record.status == "ok" and not e.numbers.values for e in world.entries)
    told = f"{bare} edits have no numbers for their case as it is now; run them again"
    return (told,) if bare else ()


def _stateless(world: ResultGroup) -> tuple[str, ...]:
    """An edit without states is missed in a curve: that is said."""
    guided = [e for e in world.entries if e.record.status == "ok" and e.uses_prompts]
    left_out = sum(not entry.numbers.steps for entry in guided)
    told = f"Left out: {left_out} edits that kept no states, or whose states have no numbers yet."
    return (told,) if left_out else ()


def _end(selection: Selection, catalog: Catalog, shown: bool) -> int:
    """What no table shows, and the exit status."""
    for note in catalog.notes():
        say(f"note: {note}")
    if not shown and not selection.told() and not selection.dataset:
        say(f"{selection.output_dir}: no results yet; `ids run experiments=demo` makes some")
    elif not shown:
        say(f"{selection.output_dir}: no such results")
    return int(not shown)
