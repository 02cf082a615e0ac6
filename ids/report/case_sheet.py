"""A contact sheet of a data set: its images with the outline of their masks, and their text."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image as PIL
from PIL import ImageChops, ImageFilter

from ids.core.errors import DataError
from ids.core.protocols import Dataset
from ids.core.records import EditCase
from ids.core.rows import label_of
from ids.images import to_pil
from ids.report.canvas import FAINT, GAP, INK, Canvas, Font
from ids.report.sheet import Fonts

MAX_CASES, COLUMNS = 60, 4
SIDE, TITLE = 256, 38  # pixels: of an image, of the title line
OUTLINE, HALO = "#ffe14d", "#1c1c1e"  # visible on bright and on dark images


@dataclass(frozen=True)
class Cell:
    """A row as it is drawn: an image, or the reason why it has none, and lines of text below."""

    image: PIL.Image | None
    head: str
    texts: Sequence[tuple[str, str]]  # text and colour
    fault: str = ""


def case_sheet(dataset: Dataset, rows: Sequence[int]) -> PIL.Image:
    """The rows of a data set, in a grid. A row that cannot be read has its fault in place of the
    image.
    """
    fonts = Fonts()
    cells = [_cell(dataset, row) for row in rows]
    columns = min(COLUMNS, max(len(cells), 1))
    lines = max((len(_lines(cell, fonts.plain)) for cell in cells), default=0)
    height = SIDE + fonts.bold.line + lines * fonts.plain.line + 2 * GAP
    width = GAP + columns * (SIDE + GAP)
    canvas = Canvas.new(width, TITLE + -(-len(cells) // columns) * height)
    title = f"{dataset.name} · {len(rows)} of {len(dataset)} rows · {dataset.view}"
    canvas.write((GAP, GAP), [fonts.title.shorten(title, width - 2 * GAP)], fonts.title)
    for index, cell in enumerate(cells):
        place = GAP + index % columns * (SIDE + GAP), TITLE + index // columns * height
        _draw(canvas, cell, place, fonts)
    return canvas.sheet


def outlined(image: PIL.Image, mask: PIL.Image | None) -> PIL.Image:
    """The image, scaled to a side of 256 pixels, with the outline of a mask of its shape (white
    where the edit belongs).
    """
    scale = SIDE / max(image.size)
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    image = image.convert("RGB").resize(size, PIL.Resampling.LANCZOS)
    if mask is None:
        return image
    marked = mask.convert("L").resize(size, PIL.Resampling.NEAREST)
    grown, shrunk = (
        marked.filter(kind(3)) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter)
    )
    image.paste(HALO, mask=ImageChops.subtract(grown, marked))
    image.paste(OUTLINE, mask=ImageChops.subtract(marked, shrunk))
    return image


def _cell(dataset: Dataset, row: int) -> Cell:
    try:
        case = dataset[row]
        image = to_pil(case.source.load())
        mask = to_pil(case.mask.load()) if case.mask else None
        return Cell(outlined(image, mask), case.id, _texts(case))
    except DataError as error:
        return Cell(None, label_of(dataset, row).id, (), str(error))


def _texts(case: EditCase) -> list[tuple[str, str]]:
    """Prompts, instruction, tags."""
    texts = [(case.prompt_src, FAINT), (f"→ {case.prompt_trg}", INK)]
    texts += [(f"“{case.instruction}”", INK)] if case.instruction else []
    return [*texts, (", ".join(sorted(case.tags)), FAINT)] if case.tags else texts


def _lines(cell: Cell, font: Font) -> list[tuple[str, str]]:
    return [(line, ink) for text, ink in cell.texts for line in font.wrap(text, SIDE, 3)]


def _draw(canvas: Canvas, cell: Cell, place: tuple[int, int], fonts: Fonts) -> None:
    left, top = place
    if cell.image is None:
        canvas.placeholder(place, SIDE, "", fonts.plain)
        text = fonts.plain.wrap(cell.fault, SIDE - 2 * GAP, 11)
        canvas.write((left + GAP, top + GAP), text, fonts.plain, FAINT)
    else:
        canvas.image(place, cell.image, SIDE)
    below = top + SIDE + 4
    canvas.write((left, below), [fonts.bold.shorten(cell.head, SIDE)], fonts.bold)
    for number, (line, ink) in enumerate(_lines(cell, fonts.plain)):
        at = below + fonts.bold.line + number * fonts.plain.line
        canvas.write((left, at), [line], fonts.plain, ink)
