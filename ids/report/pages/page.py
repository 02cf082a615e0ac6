"""The page of a store: index.html, and its images in the folders beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ids.core.errors import ConfigError, DataError
from ids.core.places import create_folder
from ids.core.text import counted, printable
from ids.report.card import sections
from ids.report.pages.curves import Curves, read_curves
from ids.report.pages.embed import json_script, script_hash, shown
from ids.report.pages.groups import PageGroup, group_data
from ids.report.pages.images import open_images
from ids.report.pages.inputs import PageInputs
from ids.report.pages.links import PAGE
from ids.report.pages.paper import Paper, read_paper, tables_beside
from ids.report.pages.scenes import scenes_data
from ids.report.pages.states import states_data
from ids.report.pages.tables import ShownReport, shown_report
from ids.results.card import card_of
from ids.results.catalog import Catalog, ResultGroup, open_store, read_catalog
from ids.results.columns import select_columns
from ids.results.environments import mixed_note
from ids.results.frames import columns_of, frame, weights_notes
from ids.results.grids import Report
from ids.results.selection import Selection
from ids.results.table import table
from ids.run.files import write_beside
from ids.run.store import Store

SCRIPTS = ("dom", "store", "overview", "tables", "gallery", "notable", "panes", "viewer", "main")
STYLES = ("base", "tables", "gallery", "viewer")
MARK, MARKED = b"image editing report</title>", 2**16  # a page of ours: its title is at the top
OF_STORE = {"results", "sources", "measurements", "datasets", "mirrored", "sheets", "claims"}
OF_STORE |= {"partial", "aside", "runs", "cache", "scenes"}  # its folders
OUTCOMES = ("holds", "does not hold", "inconclusive", "not run")


@dataclass(frozen=True)
class Section:
    """All of one group that the template shows."""

    page: PageGroup
    report: ShownReport
    beside: Sequence[Any]
    curves: Curves
    curve_reports: Sequence[ShownReport]
    facts: Sequence[tuple[str, Mapping[str, str]]]


def write_page(
    selection: Selection,
    folder: Path,
    inputs: PageInputs,
    baseline: str = "dds",
    catalog: Catalog | None = None,
) -> tuple[Path, Sequence[str]]:
    """Write FOLDER/index.html and its images; the page, and notes on what it lacks. Images that an
    earlier page wrote are not written again. `catalog`: of the store, if the caller has read it.
    `DataError` without results.
    """
    store = open_store(selection.output_dir)
    catalog = catalog or read_catalog(store)
    # The page opens with the largest.
    groups = sorted(selection.groups(catalog), key=lambda group: -len(group.entries))
    if not groups:
        chosen = replace(selection, columns=()) != Selection(selection.output_dir)
        remedy = "change the selection" if chosen else "`ids run experiments=demo` makes some"
        raise DataError(f"{selection.output_dir}: expected results; found none; {remedy}")
    check_place(folder, selection.output_dir)
    create_folder(folder)
    images, paper = open_images(folder / "images"), read_paper()
    notes, data, parts = list(catalog.notes()), [], []
    for group in groups:
        page = _page_group(group, store)
        found = group_data(page, store, inputs, images)
        states, problems = states_data(page, store, inputs.decode, inputs.decoded, images)
        scenes, lacking = scenes_data(page, store, inputs, images)
        data.append({**found, "states": states, "scenes": scenes})
        notes += [f"{group.title}: {problem}" for problem in (*problems, *lacking)]
        parts.append(_section(page, store, baseline, folder / "figures", paper))
    notes += _missing(data)
    html = _html(selection, parts, data, inputs, notes, paper)
    write_beside(folder / PAGE, html.encode("utf-8", "replace"))
    images.sweep()
    return folder / PAGE, notes


def check_place(folder: Path, output_dir: Path) -> None:
    """`ConfigError` where a page would mix with the store's own files, or replace a foreign one."""
    place, root = folder.resolve(), output_dir.resolve()
    inside = place.relative_to(root).parts[:1] if place.is_relative_to(root) else ()
    if OF_STORE.intersection(inside):
        raise ConfigError(
            f"--out {folder}: expected a folder outside those of the store; got one in "
            f"{root / inside[0]}; choose another"
        )
    page = folder / PAGE
    if page.exists() and MARK not in page.read_bytes()[:MARKED]:
        raise ConfigError(f"{page}: expected a page of `ids report`; got another; move it away")


def _page_group(group: ResultGroup, store: Store) -> PageGroup:
    lines = frame(group.entries, store, broken=group.broken)
    return PageGroup(group, lines, select_columns(columns_of(group.entries, lines), ()))


def _section(page: PageGroup, store: Store, baseline: str, folder: Path, paper: Paper) -> Section:
    group = page.group
    report = _table(page, baseline)
    curves = read_curves(group, store, baseline, folder)
    return Section(
        page,
        shown_report(report),
        tables_beside(paper, page.lines, report.grids[0]),
        curves,
        [shown_report(one) for one in curves.reports],
        [(title, facts) for title, facts in sections(card_of(group, store)) if facts],
    )


def _table(page: PageGroup, baseline: str) -> Report:
    group = page.group
    notes = (*weights_notes(group.entries, page.columns), *group.notes())
    return table(
        group.title, page.lines, baseline, (*notes, *mixed_note(group.entries)), page.columns
    )


def _missing(data: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Notes on images of cases that no run can read any more."""
    cases = [case for group in data for case in group["cases"]]
    lacking = sum(1 for case in cases if not case["source"][0])
    decoded = sum(1 for case in cases if case["decoded"])
    where = "the run's folder or data set has moved"
    if lacking:
        yield f"{counted(lacking, 'case')} without source image: {where}"
    if decoded:
        yield f"{counted(decoded, 'case')} with the null edit in place of the source: {where}"


def _html(
    selection: Selection,
    parts: Sequence[Section],
    data: Sequence[Mapping[str, Any]],
    inputs: PageInputs,
    notes: Sequence[str],
    paper: Paper,
) -> str:
    script = _joined(SCRIPTS, "js")
    template = _environment().get_template("index.html")
    where = selection.describe()
    return template.render(
        title=", ".join(part for part in (selection.output_dir.resolve().name, where) if part),
        store=str(selection.output_dir),
        version=inputs.version,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sections=parts,
        verdicts=sorted(inputs.verdicts, key=lambda verdict: verdict.outcome == "not run"),
        outcomes={o: sum(v.outcome == o for v in inputs.verdicts) for o in OUTCOMES},
        notes=notes,
        paper=paper,
        style=Markup(_joined(STYLES, "css")),
        script=Markup(script),
        script_hash=Markup(script_hash(script)),
        data=Markup(json_script(shown({"store": str(selection.output_dir), "groups": data}))),
    )


def _environment() -> Environment:
    """Every value is escaped, and has hidden characters as escapes."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("ids.report.pages"),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else _plain(value),
    )
    environment.filters["id"] = _id
    return environment


def _plain(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _id(value: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in value)


def _joined(names: Sequence[str], ending: str) -> str:
    """The package's own scripts or styles, one after another; a script is one closure."""
    folder = files("ids.report.pages") / "templates"
    text = "\n".join((folder / f"{name}.{ending}").read_text("utf-8") for name in names)
    return f'"use strict";\n(() => {{\n{text}}})();\n' if ending == "js" else text
