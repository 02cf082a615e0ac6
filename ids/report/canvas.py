"""A white sheet on which text and images are placed, in pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image as PIL
from PIL import ImageDraw, ImageFont

from ids.core.text import printable

GAP = 10
INK, FAINT, PAPER, EMPTY = "#1c1c1e", "#6a6a6e", "#ffffff", "#ececf0"
Place = tuple[int, int]  # left, top


def font_file(bold: bool = False) -> Path:
    """DejaVu Sans, which matplotlib contains: Latin, Greek, Cyrillic, Arabic, arrows. Nothing of
    matplotlib is imported.
    """
    found = find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(found.origin).with_name("mpl-data") / "fonts" / "ttf" / name


@dataclass(frozen=True)
class Font:
    """A face at one size. Text is escaped where it would not print."""

    size: int
    face: ImageFont.FreeTypeFont

    @classmethod
    def open(cls, size: int, bold: bool = False) -> "Font":
        """The font of `font_file`."""
        return cls(size, ImageFont.truetype(font_file(bold), size))

    @property
    def line(self) -> int:
        """The distance of two lines."""
        return self.size + 4

    def shorten(self, text: str, width: int) -> str:
        """The text, or as much of it as fits, with an ellipsis."""
        shown = printable(text)
        return shown if self._fits(shown, width) else self._cut(shown, width)

    def wrap(self, text: str, width: int, most: int) -> list[str]:
        """At most `most` lines of this width. Words that are too wide are cut; a longer text ends
        in an ellipsis.
        """
        lines: list[str] = []
        for word in printable(text).split():
            for piece in self._pieces(word, width):
                joined = f"{lines[-1]} {piece}" if lines else piece
                if lines and self._fits(joined, width):
                    lines[-1] = joined
                else:
                    lines.append(piece)
        if len(lines) > most:
            lines = [*lines[: most - 1], self._cut(lines[most - 1], width)]
        return lines

    def _pieces(self, word: str, width: int) -> Iterator[str]:
        """The word, cut where it is wider than a line."""
        start = 0
        for end in range(1, len(word) + 1):
            if end - start > 1 and not self._fits(word[start:end], width):
                yield word[start : end - 1]
                start = end - 1
        yield word[start:]

    def _cut(self, text: str, width: int) -> str:
        while text and not self._fits(f"{text}…", width):
            text = text[:-1]
        return f"{text}…"

    def _fits(self, text: str, width: int) -> bool:
        return self.face.getlength(text) <= width


@dataclass(frozen=True)
class Canvas:
    """`place` is always the upper left corner."""

    sheet: PIL.Image
    draw: ImageDraw.ImageDraw

    @classmethod
    def new(cls, width: int, height: int) -> "Canvas":
        """An empty sheet."""
        sheet = PIL.new("RGB", (width, height), PAPER)
        return cls(sheet, ImageDraw.Draw(sheet))

    def write(self, place: Place, lines: Sequence[str], font: Font, ink: str = INK) -> None:
        """Lines, one below the other."""
        for index, line in enumerate(lines):
            at = (place[0], place[1] + index * font.line)
            self.draw.text(at, printable(line), ink, font.face)

    def image(self, place: Place, image: PIL.Image, side: int) -> None:
        """Scaled to fit a square of this side, aspect kept, in its middle."""
        scale = side / max(image.size)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        scaled = image.resize(size, PIL.Resampling.LANCZOS)
        left, top = (side - size[0]) // 2, (side - size[1]) // 2
        self.sheet.paste(scaled, (place[0] + left, place[1] + top))

    def placeholder(self, place: Place, side: int, text: str, font: Font) -> None:
        """A grey square with a word."""
        x, y = place
        self.draw.rectangle((x, y, x + side - 1, y + side - 1), EMPTY)
        middle = (x + side / 2, y + side / 2)
        self.draw.text(middle, printable(text), FAINT, font.face, anchor="mm")
