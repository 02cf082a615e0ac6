"""The end of a run: its table, its contact sheets, and the edits that failed."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.image_files import ImageFile
from ids.report.card import write_cards
from ids.report.console import open_console, say
from ids.report.output import write_image
from ids.report.render import print_report
from ids.report.sheet import contact_sheets
from ids.report.write import write_report
from ids.results.card import card_of
from ids.results.catalog import ResultGroup, join
from ids.results.columns import select_columns
from ids.results.environments import mixed_note
from ids.results.equal_parts import EqualParts
from ids.results.export import export_frame
from ids.results.frames import columns_of, frame, weights_notes
from ids.results.grids import Report
from ids.results.intervals import IntervalKind
from ids.results.table import table
from ids.run.outcomes import RunRecord, read_outcomes
from ids.run.store import Store


def report(
    folder: Path,
    output_dir: Path,
    cases: Sequence[EditCase],
    baseline: str = "dds",
    wide: bool = False,
    interval: IntervalKind = "bootstrap",
) -> int:
    """Print the tables of a finished run with differences to `baseline`, write them and the contact
    sheets into its folder. 1 where an edit failed.
    """
    console, store, runs = open_console(wide), Store(output_dir), read_outcomes(folder)
    groups = _groups(runs, store)
    frames = [frame(group.entries, store, broken=group.broken) for group in groups]
    for group, lines in zip(groups, frames, strict=True):
        made = _table(group, lines, baseline, interval)
        print_report(made, console, wide)
        write_report(made, folder, "table" if len(groups) == 1 else f"table {group.title}")
    write_cards([card_of(group, store) for group in groups], folder)
    titled = {group.title: lines for group, lines in zip(groups, frames, strict=True)}
    for sheet in contact_sheets(cases, titled, store, folder):
        say(f"contact sheet: {sheet}", console)
    bad = Counter(o.reason for run in runs for o in run.outcomes if o.status != "ok")
    for reason, count in bad.items():
        say(f"{count} not edited: {reason}", console)
    return int(any(o.status == "failed" for run in runs for o in run.outcomes))


def hand_over(
    folder: Path, output_dir: Path, photo: ImageFile, place: Callable[[str], Path]
) -> Path:
    """Write the image of a single edit at the photo's size; `place` names the file by the edit's
    key. `DataError` where the edit failed.
    """
    last = read_outcomes(folder)[-1].outcomes[-1]  # the method, after its controls
    if last.status != "ok":
        raise DataError(last.reason)
    out = place(last.key)
    write_image(photo.restore(Store(output_dir).image(last.key)), out)
    return out


def _table(
    group: ResultGroup, lines: pd.DataFrame, baseline: str, interval: IntervalKind
) -> Report:
    columns = select_columns(columns_of(group.entries, lines), ())
    notes = (*weights_notes(group.entries, columns), *group.notes(), *mixed_note(group.entries))
    return table(group.title, lines, baseline, notes, columns, interval)


def _groups(runs: Sequence[RunRecord], store: Store) -> list[ResultGroup]:
    """The results of a run, by data set and backbone."""
    manifests = {(m.name, m.place, m.view): m for m in (run.manifest for run in runs)}
    keys = dict.fromkeys(o.key for run in runs for o in run.outcomes if o.key)
    found, shared = (store.look(key, files=False).record for key in keys), EqualParts()
    records = [shared.of_edit(record) for record in found if record]
    return join(records, list(manifests.values()), store.numbers)[0]


def run_frame(folder: Path, output_dir: Path) -> pd.DataFrame:
    """The results of a run, one line per edit, with the columns of `ids results export`."""
    store = Store(output_dir)
    return export_frame(_groups(read_outcomes(folder), store), store, states=False)
