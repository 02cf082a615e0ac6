"""Contact sheets: a row per case, a column per setting, source and true edit at the ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd
from PIL import Image as PIL

from ids.core.records import EditCase
from ids.images import to_pil
from ids.report.canvas import FAINT, GAP, INK, Canvas, shorten, wrap
from ids.results.labels import in_order
from ids.run.store import IMAGE, Store

MAX_COLUMNS, MAX_ROWS, MAX_CASES = 8, 10, 30  # settings and cases a page, cases in all
SIDE, LABEL, TITLE = 176, 216, 30  # pixels: of an image, of the row labels, of the title line
SMALL, BODY = 13, 15  # pixels of letters


@dataclass(frozen=True)
class Page:
    """Some cases and settings of one data set."""

    title: str
    cases: Sequence[EditCase]
    labels: Sequence[str]
    lines: pd.DataFrame  # of these settings; one per setting and case
    seed: int | None  # the one shown; None where no setting uses one


def contact_sheets(
    cases: Sequence[EditCase], frames: Mapping[str, pd.DataFrame], store: Store, folder: Path
) -> list[Path]:
    """contact_sheet.png, or contact_sheet_1.png, ... where one page is too small or there are
    several data sets. `frames` has the lines of each group, by its title.
    """
    pages = [page for title, lines in frames.items() for page in _pages(title, cases, lines)]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, page in enumerate(pages, start=1):
        name = f"contact_sheet_{number}.png" if len(pages) > 1 else "contact_sheet.png"
        _draw(page, store).save(folder / name)
        paths.append(folder / name)
    return paths


def _pages(title: str, cases: Sequence[EditCase], frame: pd.DataFrame) -> Iterator[Page]:
    labels = in_order(frame["label"])
    done = frame[frame["status"] == "ok"]
    edited = [case for case in cases if case.digest in set(done["case"])]
    shown = edited[:MAX_CASES]
    seeds = sorted(seed for seed in done["seed"].unique() if seed >= 0)
    seed = int(seeds[0]) if seeds else None
    one = frame[frame["seed"].isin([-1, seed])].drop_duplicates(["label", "case"])
    for first, left in product(range(0, len(shown), MAX_ROWS), range(0, len(labels), MAX_COLUMNS)):
        rows, columns = shown[first : first + MAX_ROWS], labels[left : left + MAX_COLUMNS]
        parts = [title, "no seed" if seed is None else f"seed {seed}"]
        if len(edited) > MAX_ROWS:
            parts.append(f"cases {first + 1} to {first + len(rows)} of {len(edited)}")
        if len(labels) > MAX_COLUMNS:
            parts.append(f"settings {left + 1} to {left + len(columns)} of {len(labels)}")
        yield Page(" · ".join(parts), rows, columns, one[one["label"].isin(columns)], seed)


def _draw(page: Page, store: Store) -> PIL.Image:
    headers = [["source"], *(_header(label) for label in page.labels)]
    head = TITLE + max(map(len, headers)) * (SMALL + 4) + GAP
    width = LABEL + len(headers) * (SIDE + GAP) + GAP
    canvas = Canvas.new(width, head + len(page.cases) * (SIDE + GAP))
    canvas.text((GAP, GAP), shorten(page.title, width - 2 * GAP, BODY), BODY, INK, bold=True)
    for index, lines in enumerate(headers):
        at = (LABEL + index * (SIDE + GAP), TITLE)
        canvas.lines(at, lines[:1], SMALL, INK, bold=True)
        canvas.lines((at[0], at[1] + SMALL + 4), lines[1:], SMALL, FAINT)
    for row, case in enumerate(page.cases):
        top = head + row * (SIDE + GAP)
        _draw_label(canvas, case, top)
        canvas.image((LABEL, top), to_pil(case.source.load()), SIDE)
        for column, label in enumerate(page.labels, start=1):
            _draw_edit(canvas, page, label, case, store, (LABEL + column * (SIDE + GAP), top))
    return canvas.sheet


def _header(label: str) -> list[str]:
    """The method's name, then the values in which its settings differ, one per line or more."""
    name, _, values = label.partition(" (")
    lines = [shorten(name.replace("_", " "), SIDE, SMALL)]
    for value in values.removesuffix(")").split(", ") if values else []:
        lines += wrap(value, SIDE, SMALL, 3)
    return lines


def _draw_label(canvas: Canvas, case: EditCase, top: int) -> None:
    """Id and prompts."""
    width = LABEL - 2 * GAP
    canvas.text((GAP, top), shorten(case.id, width, SMALL), SMALL, INK, bold=True)
    source = wrap(case.prompt_src, width, SMALL, 4)
    target = wrap(f"→ {case.prompt_trg}", width, SMALL, 4)
    canvas.lines((GAP, top + SMALL + 8), source, SMALL, FAINT)
    canvas.lines((GAP, top + SMALL + 12 + len(source) * (SMALL + 4)), target, SMALL, INK)


def _draw_edit(
    canvas: Canvas, page: Page, label: str, case: EditCase, store: Store, at: tuple[int, int]
) -> None:
    """The edited image, or its status where there is none."""
    lines = page.lines[(page.lines["label"] == label) & (page.lines["case"] == case.digest)]
    status = "no result" if lines.empty else str(lines.iloc[0]["status"])
    if status != "ok":
        canvas.placeholder(at, SIDE, status)
        return
    with PIL.open(store.folder(str(lines.iloc[0]["key"])) / IMAGE, formats=["PNG"]) as image:
        canvas.image(at, image.convert("RGB"), SIDE)
