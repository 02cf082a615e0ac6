"""`ids table` and `ids frontier`: tables of a store, printed and written."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from ids.core.errors import ConfigError, DataError
from ids.core.text import counted
from ids.report.card import cards_json, print_cards, write_cards
from ids.report.console import open_console, say
from ids.report.figure import PANELS, draw_curves
from ids.report.printing import Printing
from ids.report.render import print_report
from ids.report.write import file_name, write_report
from ids.results.best import with_best
from ids.results.by_tag import UNTAGGED, cases_by_tag
from ids.results.card import card_of
from ids.results.catalog import Catalog, ResultGroup, open_store, read_catalog
from ids.results.columns import Column, select_columns
from ids.results.comparisons import with_tests
from ids.results.environments import mixed_note
from ids.results.frames import columns_of, curve_frame, frame, weights_notes
from ids.results.frontier_report import frontier_report, identity_of
from ids.results.grids import Report
from ids.results.intervals import IntervalKind
from ids.results.labels import in_order
from ids.results.levels import axis_of
from ids.results.matched import matched_report
from ids.results.methods import Question
from ids.results.named_rows import NamedRow, lines_of_rows, names_of_rows, renamed
from ids.results.selection import Selection
from ids.results.table import table
from ids.run.store import Store


@dataclass(frozen=True)
class Comparison:
    """What a table compares: the baseline, the kind of intervals, whether the tests of all
    differences are shown, a `difference` whose number of cases is shown with them, the `rows`
    (default: all settings), and whether each tag has a block.
    """

    baseline: str = "dds"
    interval: IntervalKind = "bootstrap"
    tests: bool = False
    difference: float | None = None
    rows: Sequence[NamedRow] = ()
    by_tag: bool = False


def show_tables(
    selection: Selection, comparison: Comparison, engine: str | None, printing: Printing
) -> int:
    """Means, and differences paired to the baseline, per data set and backbone. 1 without results.
    `ConfigError` for an engine without measurements.
    """
    store = open_store(selection.output_dir)
    engines = store.numbers.engines()
    if engine is not None and engine not in engines:
        raise ConfigError(
            f"--engine: expected one with measurements ({', '.join(engines) or 'none exists'}); "
            f"got {engine}; change it"
        )

    def show(group: ResultGroup) -> Report:
        broken = selection.broken(group)
        lines = frame(group.entries, store, engine, broken)
        names = names_of_rows(lines, comparison.rows) if comparison.rows else {}
        lines = lines_of_rows(lines, names) if names else lines
        columns = select_columns(columns_of(group.entries, lines), selection.columns)
        notes = (*weights_notes(group.entries, columns), *_without_metrics(group), *group.notes())
        blocks = cases_by_tag(group, broken) if comparison.by_tag else {}
        untagged = (UNTAGGED,) if comparison.by_tag and not blocks else ()
        notes = (*notes, *mixed_note(group.entries), *untagged)
        base, kind = comparison.baseline, comparison.interval
        report = table(_title(group, selection), lines, base, notes, columns, kind, blocks)
        if printing.write or printing.kind != "text":
            report = with_best(report, lines, blocks)
        if comparison.tests:
            report = with_tests(report, comparison.difference)
        report = renamed(report, names) if names else report
        if path := _show(report, selection, printing):
            _write_card(group, store, report.title, path)
        return report

    return _show_groups(selection, read_catalog(store), show, printing)


def show_matched(selection: Selection, question: Question, printing: Printing) -> int:
    """The same at matched edit strength; with `write` also the curves as an image. Groups that
    cannot be matched are named. 1 without results; `DataError` where the only group cannot be
    matched. `ConfigError` for the knob of a method without results.
    """
    store = open_store(selection.output_dir)

    def show(group: ResultGroup) -> Report:
        lines = curve_frame(group.entries, store)
        axis = axis_of(lines, question.axis)
        columns = select_columns(columns_of(group.entries, lines), selection.columns, keep=axis)
        notes = (*weights_notes(group.entries, columns), *group.notes())
        notes = (*notes, *mixed_note(group.entries))
        report = matched_report(_title(group, selection), lines, question, notes, columns)
        if path := _show(report, selection, printing):
            _write_card(group, store, report.title, path)
            panels = [column for column in columns if column.key in PANELS]
            _draw(lines, replace(question, axis=axis), report.title, panels, path, printing)
        return report

    return _show_groups(selection, read_catalog(store), show, printing, question.knobs)


def show_frontier(
    selection: Selection, question: Question, metric: str | None, printing: Printing
) -> int:
    """Identity (`metric`) over edit strength, per data set and backbone. Exit status and errors are
    those of `show_matched`.
    """
    store = open_store(selection.output_dir)

    def show(group: ResultGroup) -> Report:
        lines = curve_frame(group.entries, store)
        known = columns_of(group.entries, lines)
        axis = axis_of(lines, question.axis, "--x")
        shown = {axis, identity_of(lines, axis, metric)}
        columns = [column for column in known if column.key in shown]
        notes = (*weights_notes(group.entries, columns), *group.notes())
        report = frontier_report(_title(group, selection), lines, question, metric, notes, columns)
        if path := _show(report, selection, printing):
            _write_card(group, store, report.title, path)
            _draw(lines, replace(question, axis=axis), report.title, columns, path, printing)
        return report

    return _show_groups(selection, read_catalog(store), show, printing, question.knobs)


def show_cards(selection: Selection, as_json: bool, write: bool) -> int:
    """How the selected results were made, per data set and backbone; as text, or as one JSON list.
    With `write` also as files in tables/. 1 without results.
    """
    store = open_store(selection.output_dir)
    groups = selection.groups(read_catalog(store))
    cards = [card_of(group, store, _title(group, selection)) for group in groups]
    if as_json:
        sys.stdout.write(cards_json(cards))
    else:
        print_cards(cards, open_console(wide=True))
    for card in cards if write else ():
        name = f"{file_name(card.title)}.card"
        path = write_cards([card], selection.output_dir / "tables", name)
        if not as_json:
            say(f"written: {path}")
    if not cards and not as_json:
        say(f"{selection.output_dir}: no such results")
    return int(not cards)


def _show_groups(
    selection: Selection,
    catalog: Catalog,
    show: Callable[[ResultGroup], Report],
    printing: Printing,
    knobs: Collection[str] = (),
) -> int:
    """Every selected group, then the results that no table shows; the exit status. `knobs` are the
    methods whose knob is chosen.
    """
    groups, failed = selection.groups(catalog), list[str]()
    reports: list[Report] = []
    names = {entry.record.name for group in groups for entry in group.entries}
    if unknown := sorted(set(knobs) - names):
        raise ConfigError(
            f"--knob: expected a method of the results ({', '.join(in_order(names))}); got "
            f"{unknown[0][:60]}; change it"
        )
    for group in groups:
        if reports and printing.kind == "text":
            say("")  # between the notes of a data set and the next
        try:
            reports.append(show(group))
        except DataError as error:
            if len(groups) == 1:
                raise
            failed.append(f"{group.title}: {error}")
    printing.print(reports)
    console = None if printing.kind == "text" else Console(stderr=True)
    for line in (*failed, *(f"note: {note}" for note in catalog.notes())):
        say(line, console)
    if len(failed) < len(groups):
        return 0
    if groups or selection.describe() or selection.dataset:
        say(f"{selection.output_dir}: no such results", console)
    else:
        remedy = "no results yet; `ids run experiments=demo` makes some"
        say(f"{selection.output_dir}: {remedy}", console)
    return 1


def _show(report: Report, selection: Selection, printing: Printing) -> Path | None:
    """Print a report as text; write it, too, where that is requested."""
    text = printing.kind == "text"
    if text:
        print_report(report, open_console(printing.wide), printing.wide)
    if not printing.write:
        return None
    path = write_report(report, selection.output_dir / "tables")
    say(f"written: {path}", None if text else Console(stderr=True))
    return path


def _write_card(group: ResultGroup, store: Store, title: str, beside: Path) -> None:
    """NAME.card.md and NAME.card.json beside the table NAME.md."""
    write_cards([card_of(group, store, title)], beside.parent, f"{beside.stem}.card")


def _draw(
    lines: pd.DataFrame,
    question: Question,
    title: str,
    panels: list[Column],
    beside: Path,
    printing: Printing,
) -> None:
    console = None if printing.kind == "text" else Console(stderr=True)
    for image in draw_curves(lines, question, title, beside, panels, printing.figures):
        say(f"drawn: {image}", console)


def _title(group: ResultGroup, selection: Selection) -> str:
    return ", ".join(part for part in (group.title, selection.describe()) if part)


def _without_metrics(group: ResultGroup) -> tuple[str, ...]:
    """Metrics of an earlier mask or prompt are not those of the current case."""
    bare = sum(e.record.status == "ok" and not e.numbers.values for e in group.entries)
    note = f"{counted(bare, 'edit')} without metrics of the current case; run again"
    return (note,) if bare else ()
