"""What a person sees when a run is over: the table, the contact sheet, what went wrong."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.report.columns import only
from ids.report.rows import bases, by_world, frame
from ids.report.sheet import contact_sheet
from ids.report.table import table
from ids.run.store import Store


def report(folder: Path, output_dir: Path, cases: Sequence[EditCase]) -> int:
    """Print the table of a finished run, write its contact sheet; 1 where an edit failed."""
    console, store = wide_console(), Store(output_dir)
    records = [store.record(key) for key in _keys(folder)]
    rows = frame(records, store)
    worlds = by_world(records)
    for title, own in worlds.items():
        data = only(frame(own, store), ())
        made = table(title, data, notes=bases(own, data))
        made.print(console)
        made.write(folder, "table" if len(worlds) == 1 else f"table {title}")
    sheet = contact_sheet(cases, rows, store, folder / "contact_sheet.png")
    console.print(f"contact sheet: {sheet}", markup=False, highlight=False, soft_wrap=True)
    bad = rows[rows["status"] != "ok"]
    for reason, count in bad["reason"].value_counts().items():
        console.print(
            f"{count} not edited: {reason}", markup=False, highlight=False, soft_wrap=True
        )
    return int((rows["status"] == "failed").any())


def hand_over(folder: Path, output_dir: Path, out: Path) -> None:
    """Copy a single edit's picture to where the user wants it; `DataError` where there is none."""
    record = Store(output_dir).record(_keys(folder)[-1])  # the method, after its references
    if record.status != "ok":
        raise DataError(record.job["reason"])
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    shutil.copyfile(record.picture, partial)
    partial.replace(out)


def _keys(folder: Path) -> list[str]:
    """Of every setting of a run, each key once."""
    keys: dict[str, None] = {}
    for path in sorted(folder.rglob("outcomes.json")):
        keys |= dict.fromkeys(row["key"] for row in json.loads(path.read_text())["outcomes"])
    return list(keys)


def wide_console() -> Console:
    """Wide enough for the table even where there is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=230)
