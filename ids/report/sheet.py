"""Contact sheets: a row per case, a column per setting, source and true edit at the ends."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from PIL import Image as PIL

from ids.core.places import create_folder
from ids.core.records import EditCase
from ids.images import to_pil
from ids.report.canvas import FAINT, GAP, Canvas, Font
from ids.report.drawn import DrawnSheets, digest_of_drawing
from ids.results.labels import in_order
from ids.run.files import write_beside
from ids.run.store import IMAGE, Store

MAX_COLUMNS, MAX_ROWS, MAX_CASES = 8, 12, 36  # settings and cases a page, cases in all
SIDE, LABEL, TITLE = 192, 240, 38  # pixels: of an image, of the row labels, of the title line
SMALL, BODY = 15, 17  # pixels of letters
COMPRESSION = 1  # of 9: a third of the usual time
NO_EDIT = "no result", ""
T = TypeVar("T")


@dataclass(frozen=True)
class Fonts:
    """Of titles, names, and everything else."""

    title: Font = field(default_factory=partial(Font.open, BODY, bold=True))
    bold: Font = field(default_factory=partial(Font.open, SMALL, bold=True))
    plain: Font = field(default_factory=partial(Font.open, SMALL))


@dataclass(frozen=True)
class Page:
    """Some cases and settings of one data set; `edits` are status and key of each edit, by label
    and case.
    """

    title: str
    cases: Sequence[EditCase]
    labels: Sequence[str]
    edits: Mapping[tuple[str, str], tuple[str, str]]


def contact_sheets(
    cases: Sequence[EditCase], frames: Mapping[str, pd.DataFrame], store: Store, folder: Path
) -> list[Path]:
    """contact_sheet.png, or contact_sheet_1.png, ... where one page is too small or there are
    several data sets. `frames` has the lines of each group, by its title. A page that an earlier
    run has drawn from the same images and texts is copied.
    """
    pages = [page for title, lines in frames.items() for page in _pages(title, cases, lines)]
    create_folder(folder)
    drawn, fonts, paths = DrawnSheets(store.root), Fonts(), []
    for number, page in enumerate(pages, start=1):
        name = f"contact_sheet_{number}.png" if len(pages) > 1 else "contact_sheet.png"
        digest = digest_of_drawing(_content(page, store))
        content = drawn.find(digest) or _png(_draw(page, store, fonts))
        write_beside(folder / name, content)
        drawn.add(digest, folder / name, content)
        paths.append(folder / name)
    return paths


def _content(page: Page, store: Store) -> Any:
    """All that decides the sheet of a page, as JSON data: texts, and digests of images."""
    cases = [(c.id, c.source_digest, c.prompt_src, c.prompt_trg) for c in page.cases]
    edits = []
    for case, label in product(page.cases, page.labels):
        status, key = page.edits.get((label, case.digest), NO_EDIT)
        path = store.folder(key) / IMAGE
        edits.append(sha256(path.read_bytes()).hexdigest() if status == "ok" else [status])
    return page.title, page.labels, cases, edits


def _png(sheet: PIL.Image) -> bytes:
    content = io.BytesIO()
    sheet.save(content, "PNG", compress_level=COMPRESSION)
    return content.getvalue()


def _pages(title: str, cases: Sequence[EditCase], frame: pd.DataFrame) -> Iterator[Page]:
    """Edits of the first seed."""
    done = frame[frame["status"] == "ok"]
    known = set(done["case"])
    edited = [case for case in cases if case.digest in known]
    seeds = sorted(int(seed) for seed in done["seed"].unique() if seed >= 0)
    lines = frame[frame["seed"].isin([-1, *seeds[:1]])].drop_duplicates(["label", "case"])
    places = zip(lines["label"], lines["case"], strict=True)
    edits = dict(zip(places, zip(lines["status"], lines["key"], strict=True), strict=True))
    title = f"{title} · {_seed_text(seeds)}"
    row_parts = list(_parts(edited[:MAX_CASES], MAX_ROWS))
    column_parts = list(_parts(in_order(frame["label"]), MAX_COLUMNS))
    for (index, rows), (part, columns) in product(enumerate(row_parts), enumerate(column_parts)):
        shown = [title]
        if len(rows) < len(edited):
            first = sum(map(len, row_parts[:index])) + 1
            shown.append(f"cases {first} to {first + len(rows) - 1} of {len(edited)}")
        if len(column_parts) > 1:
            shown.append(f"settings, part {part + 1} of {len(column_parts)}")
        yield Page(" · ".join(shown), rows, columns, edits)


def _parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of nearly one length, each of at most `most` items."""
    size = math.ceil(len(items) / max(math.ceil(len(items) / most), 1))
    for start in range(0, len(items), max(size, 1)):
        yield items[start : start + size]


def _seed_text(seeds: Sequence[int]) -> str:
    """`seed 0`, or `seed 0 (of 0, 1, 2)`."""
    if len(seeds) < 2:
        return f"seed {seeds[0]}" if seeds else "no seed"
    return f"seed {seeds[0]} (of {', '.join(map(str, seeds))})"


def _draw(page: Page, store: Store, fonts: Fonts) -> PIL.Image:
    headers = [["source"], *(_header(label, fonts) for label in page.labels)]
    head = TITLE + max(map(len, headers)) * fonts.plain.line + GAP
    width = LABEL + len(headers) * (SIDE + GAP)
    canvas = Canvas.new(width, head + len(page.cases) * (SIDE + GAP))
    canvas.write((GAP, GAP), [fonts.title.shorten(page.title, width - 2 * GAP)], fonts.title)
    for index, (name, *values) in enumerate(headers):
        left = LABEL + index * (SIDE + GAP)
        canvas.write((left, TITLE), [name], fonts.bold)
        canvas.write((left, TITLE + fonts.bold.line), values, fonts.plain, FAINT)
    for row, case in enumerate(page.cases):
        top = head + row * (SIDE + GAP)
        _draw_label(canvas, case, top, fonts)
        canvas.image((LABEL, top), to_pil(case.source.load()), SIDE)
        for column, label in enumerate(page.labels, start=1):
            image, place = _edited(page, label, case, store), (LABEL + column * (SIDE + GAP), top)
            if isinstance(image, str):
                canvas.placeholder(place, SIDE, image, fonts.plain)
            else:
                canvas.image(place, image, SIDE)
    return canvas.sheet


def _header(label: str, fonts: Fonts) -> list[str]:
    """The method's name, then the values in which its settings differ."""
    name, _, values = label.partition(" (")
    lines = [fonts.bold.shorten(name.replace("_", " "), SIDE)]
    for value in values.removesuffix(")").split(", ") if values else []:
        lines += fonts.plain.wrap(value, SIDE, 3)
    return lines


def _draw_label(canvas: Canvas, case: EditCase, top: int, fonts: Fonts) -> None:
    """Id and prompts."""
    width = LABEL - 2 * GAP
    source = fonts.plain.wrap(case.prompt_src, width, 4)
    target = fonts.plain.wrap(f"→ {case.prompt_trg}", width, 4)
    below = top + fonts.bold.line + 4
    canvas.write((GAP, top), [fonts.bold.shorten(case.id, width)], fonts.bold)
    canvas.write((GAP, below), source, fonts.plain, FAINT)
    canvas.write((GAP, below + len(source) * fonts.plain.line + 4), target, fonts.plain)


def _edited(page: Page, label: str, case: EditCase, store: Store) -> PIL.Image | str:
    """The edited image, or the status of an edit without one."""
    status, key = page.edits.get((label, case.digest), NO_EDIT)
    if status != "ok":
        return status
    path = store.folder(key) / IMAGE
    with PIL.open(path, formats=["PNG"]) as image:
        return image.convert("RGB")
