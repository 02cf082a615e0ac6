"""`ids judge`: the table of images that other code made, their numbers one by one, their card."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ids.core.text import counted
from ids.report.card import write_cards
from ids.report.console import open_console, say
from ids.report.export import encoded, format_of
from ids.report.render import print_report
from ids.report.write import write_report
from ids.results.card import card_of
from ids.results.catalog import ResultGroup
from ids.results.columns import select_columns
from ids.results.export import export_frame
from ids.results.frames import columns_of, frame, weights_notes
from ids.results.grids import Report
from ids.results.table import table
from ids.run.store import Store

NAMED = 10  # cases without a usable image that a note names
NO_STORE = Store(Path("nowhere"))  # these images have no measurements


def check_out(out: Path | None) -> None:
    """`ConfigError` for a file that cannot be written, or of no known format."""
    if out is not None:
        format_of(None, out)


def judged_frame(group: ResultGroup) -> pd.DataFrame:
    """One line per image, with the columns of `ids results export` that such an image has."""
    lines = export_frame([group], NO_STORE, states=False)
    return lines.drop(columns=["seconds", "nfe", "peak_mb"], errors="ignore")


def show_judged(
    group: ResultGroup,
    notes: Sequence[str],
    baseline: str | None,
    out: Path | None,
    tables: Path | None,
    wide: bool = False,
) -> int:
    """Print means and paired differences to `baseline` (default: the first folder). `out` gets a
    line per image, and a card beside it; `tables` is a folder for the table in every format and
    its card. 1 where an image is missing or cannot be used.
    """
    report = _report(group, baseline or group.entries[0].record.name, notes)
    print_report(report, open_console(wide), wide)
    card = card_of(group, NO_STORE)
    if out is not None:
        out.write_bytes(encoded(judged_frame(group), format_of(None, out)))
        say(f"written: {out}, {write_cards([card], out.parent, f'{out.stem}.card')}")
    if tables is not None:
        path = write_report(report, tables)
        write_cards([card], tables, f"{path.stem}.card")
        say(f"written: {path}")
    return int(any(entry.record.status != "ok" for entry in group.entries))


def _report(group: ResultGroup, baseline: str, notes: Sequence[str]) -> Report:
    lines = frame(group.entries, NO_STORE, broken=group.broken)
    columns = select_columns(columns_of(group.entries, lines), ())
    all_notes = (
        *weights_notes(group.entries, columns),
        *group.notes(),
        *_unusable(group),
        *notes,
    )
    return table(group.title, lines, baseline, all_notes, columns)


def _unusable(group: ResultGroup) -> list[str]:
    """A note per folder and status: how many cases have no usable image, and which."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in group.entries:
        if entry.record.status != "ok":
            key = (entry.record.name, entry.record.status)
            reason = f" ({entry.record.reason})" if entry.record.status == "failed" else ""
            found.setdefault(key, []).append(f"{entry.row.id}{reason}")
    return [
        f"{name}: {counted(len(ids), 'image')} {status}: {', '.join(ids[:NAMED])}"
        + (f" and {len(ids) - NAMED} more" if len(ids) > NAMED else "")
        for (name, status), ids in found.items()
    ]
