"""Reports written beside the results, in every format, with all columns."""

import json
import re
from hashlib import sha256
from pathlib import Path

from ids.core.places import create_folder
from ids.report.formats import csv_text, html, json_text, latex, markdown
from ids.results.grids import Report

LONGEST = 150  # characters of a file name without its ending


def write_report(report: Report, folder: Path, name: str = "") -> Path:
    """NAME.md, .tex, .html, .json, .csv (NAME-2.csv ... for further grids), and the keys of the
    results in NAME.provenance.json. The name is made of the title if none is given. Returns the
    Markdown file.
    """
    name = file_name(name or report.title)
    create_folder(folder)
    for old in folder.glob("*.csv"):
        if re.fullmatch(rf"{re.escape(name)}-\d+\.csv", old.name):
            old.unlink()
    for index, grid in enumerate(report.grids, start=1):
        stem = name if index == 1 else f"{name}-{index}"
        _write(folder / f"{stem}.csv", csv_text(grid))
    provenance = json.dumps({"title": report.title, "results": report.keys})
    _write(folder / f"{name}.provenance.json", provenance)
    _write(folder / f"{name}.json", json_text(report))
    _write(folder / f"{name}.tex", latex(report))
    _write(folder / f"{name}.html", html(report))
    _write(folder / f"{name}.md", markdown(report))
    return folder / f"{name}.md"


def file_name(title: str) -> str:
    """The title in characters that every file system takes. A digest is added where two titles
    would share a name.
    """
    name = re.sub(r"[^A-Za-z0-9_.=+]+", "-", title)
    if len(name) <= LONGEST and re.fullmatch(r"[A-Za-z0-9_.=+, -]*", title):
        return name
    digest = sha256(title.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[:LONGEST]}-{digest}"


def _write(path: Path, text: str) -> None:
    """The same bytes on every platform."""
    path.write_text(text, encoding="utf-8", newline="")
