"""A report: grids of numbers, printed and written."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ids.core.text import printable
from ids.report.render import csv_text, grid_json, text_grid
from ids.report.text import for_markdown, markdown_paragraph
from ids.results.cells import Grid

LONGEST = 150  # characters of a file name, endings aside


@dataclass(frozen=True)
class Report:
    """Grids about one question, what is to be known about them, and the results they stand on."""

    title: str
    grids: tuple[Grid, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]

    def print(self, console: Console) -> None:
        for grid in self.grids:
            text_grid(grid).print(console)
        for note in self.notes:
            console.print(Text(printable(note), style="dim"))

    def markdown(self) -> str:
        parts = [f"# {for_markdown(self.title)}"]
        for grid in self.grids:
            parts += [f"## {for_markdown(grid.title)}", text_grid(grid).markdown()]
        return "\n\n".join([*parts, *map(markdown_paragraph, self.notes)]) + "\n"

    def json(self) -> str:
        """Numbers in full, null for what is missing; text as it came."""
        grids = [grid_json(grid) for grid in self.grids]
        whole = {"title": self.title, "grids": grids, "notes": self.notes, "results": self.keys}
        return json.dumps(whole, indent=1, allow_nan=False) + "\n"

    def write(self, folder: Path, name: str = "") -> Path:
        """name.md, name.json, name.csv (and name-2.csv ... of further grids), and the keys behind
        them; the name is made of the title where none is given.
        """
        name = _file_name(name or self.title)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.csv"):
            if re.fullmatch(rf"{re.escape(name)}-\d+\.csv", old.name):
                old.unlink()
        for index, grid in enumerate(self.grids, start=1):
            stem = name if index == 1 else f"{name}-{index}"
            _write(folder / f"{stem}.csv", csv_text(grid))
        _write(folder / f"{name}.json", self.json())
        provenance = {"title": self.title, "results": self.keys}
        _write(folder / f"{name}.provenance.json", json.dumps(provenance))
        _write(folder / f"{name}.md", self.markdown())
        return folder / f"{name}.md"


def _file_name(title: str) -> str:
    """The title in letters that every file system takes; with a digest where that, or its length,
    would give two titles one name.
    """
    name = re.sub(r"[^A-Za-z0-9_.=+]+", "-", title)
    if len(name) <= LONGEST and re.fullmatch(r"[A-Za-z0-9_.=+, -]*", title):
        return name
    digest = sha256(title.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[:LONGEST]}-{digest}"


def _write(path: Path, text: str) -> None:
    """The same bytes on every platform."""
    path.write_text(text, encoding="utf-8", newline="")
