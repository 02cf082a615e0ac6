"""A white sheet on which text and images are placed, in pixels."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image as PIL
from PIL import ImageDraw, ImageFont

from ids.core.text import printable

GAP = 10
INK, FAINT, PAPER, EMPTY = "#1c1c1e", "#6a6a6e", "#ffffff", "#ececf0"
Place = tuple[int, int]


@dataclass(frozen=True)
class Canvas:
    """`place` is always the upper left corner. Text is escaped where it would not print."""

    sheet: PIL.Image
    draw: ImageDraw.ImageDraw

    @classmethod
    def new(cls, width: int, height: int) -> "Canvas":
        """An empty sheet."""
        sheet = PIL.new("RGB", (width, height), PAPER)
        return cls(sheet, ImageDraw.Draw(sheet))

    def text(self, place: Place, text: str, size: int, ink: str, bold: bool = False) -> None:
        """One line."""
        self.draw.text(place, printable(text), ink, _font(size, bold))

    def lines(
        self, place: Place, lines: list[str], size: int, ink: str, bold: bool = False
    ) -> None:
        """One below the other."""
        for index, line in enumerate(lines):
            self.text((place[0], place[1] + index * (size + 4)), line, size, ink, bold)

    def image(self, place: Place, image: PIL.Image, side: int) -> None:
        """Scaled to fit a square of this side, aspect kept, in its middle."""
        scale = side / max(image.size)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        scaled = image.resize(size, PIL.Resampling.LANCZOS)
        left, top = (side - size[0]) // 2, (side - size[1]) // 2
        self.sheet.paste(scaled, (place[0] + left, place[1] + top))

    def placeholder(self, place: Place, side: int, text: str) -> None:
        """A grey square with a word."""
        x, y = place
        self.draw.rectangle((x, y, x + side - 1, y + side - 1), EMPTY)
        self.draw.text((x + side / 2, y + side / 2), printable(text), FAINT, _font(13), anchor="mm")


def wrap(text: str, width: int, size: int, most: int) -> list[str]:
    """At most `most` lines of this width; words that are too long are cut, a longer text ends in an
    ellipsis.
    """
    lines: list[str] = []
    for word in printable(text).split():
        for piece in _pieces(word, width, size):
            joined = f"{lines[-1]} {piece}" if lines and piece is not None else piece
            if lines and _width(joined, size) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    return (
        lines
        if len(lines) <= most
        else [*lines[: most - 1], shorten(lines[most - 1] + "…", width, size)]
    )


def shorten(text: str, width: int, size: int) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    shown = printable(text)
    if _width(shown, size) <= width:
        return shown
    while shown and _width(f"{shown}…", size) > width:
        shown = shown[:-1]
    return f"{shown.rstrip('…')}…"


def _pieces(word: str, width: int, size: int) -> list[str]:
    """The word, cut where it is wider than a line."""
    pieces = [""]
    for character in word:
        if pieces[-1] and _width(pieces[-1] + character, size) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _width(text: str, size: int) -> float:
    return _font(size).getlength(text)


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib contains: Latin, Greek, Cyrillic, Arabic, arrows."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)
