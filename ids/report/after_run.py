"""What a person sees when a run is over: the table, the contact sheet, what went wrong."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PIL
from PIL import ImageOps
from rich.console import Console

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.pictures import PictureFile
from ids.report.columns import only
from ids.report.output import write_picture
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


def hand_over(
    folder: Path, output_dir: Path, photo: PictureFile, place: Callable[[str], Path]
) -> Path:
    """Write a single edit's picture at the photo's size, where `place` of its key says; `DataError`
    where there is none.
    """
    record = Store(output_dir).record(_keys(folder)[-1])  # the method, after its references
    if record.status != "ok":
        raise DataError(record.job["reason"])
    with PIL.open(record.picture) as edited:
        picture = _at_size_of(photo, edited.convert("RGB"))
    out = place(record.key)
    write_picture(picture, out)
    return out


def _at_size_of(photo: PictureFile, edited: PIL.Image) -> PIL.Image:
    restore = getattr(photo, "restore", None)
    if restore is not None:
        pixels = torch.from_numpy(np.array(edited)).permute(2, 0, 1).float() / 255
        restored: PIL.Image = restore(pixels)
        return restored
    with PIL.open(photo.path) as original:
        return edited.resize(ImageOps.exif_transpose(original).size, PIL.Resampling.LANCZOS)


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
