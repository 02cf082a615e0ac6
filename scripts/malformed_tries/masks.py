"""Mask files of every kind: read with the right background, or refused."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from malformed_tries.place import Place
from malformed_tries.tables import RUN
from malformed_tries.trying import Accepted, RowRefused, Seen, Setup, Try

Turn = Image.Transpose
WIDTH, HEIGHT = 48, 32
MARKED = np.zeros((HEIGHT, WIDTH), dtype=bool)
MARKED[4:20, 8:40] = True
Write = Callable[[Path], object]


def greys(black: float, white: float, kind: Any = np.uint8) -> Image.Image:
    return Image.fromarray(np.where(MARKED, white, black).astype(kind))


def colours(black: tuple[int, ...], white: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.where(MARKED[..., None], white, black).astype(np.uint8))


def palette(*entries: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(MARKED.astype(np.uint8), mode="P")
    image.putpalette([value for entry in entries for value in entry])
    return image


def alpha(image: Image.Image, opaque: int = 255, clear: int = 0) -> Image.Image:
    image.putalpha(greys(clear, opaque))
    return image


def plain(colour: str, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (WIDTH, HEIGHT), colour)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def levels(*values: int) -> Image.Image:
    """Stripes of these greys."""
    return Image.fromarray(
        np.repeat(np.array(values, np.uint8), WIDTH // len(values))[None].repeat(HEIGHT, 0)
    )


def save(image: Image.Image, **options: Any) -> Write:
    return lambda path: image.save(path, **options)


READ: dict[str, tuple[str, Write]] = {
    "0/255": ("m.png", save(greys(0, 255))),
    "0/1": ("m.png", save(greys(0, 1))),
    "0/7, a label": ("m.png", save(greys(0, 7))),
    "0/1 of 16 bits": ("m.png", save(greys(0, 1, np.uint16))),
    "0/65535": ("m.png", save(greys(0, 65535, np.uint16))),
    "0/1 of 32 bits": ("m.tiff", save(greys(0, 1, np.int32))),
    "0.0/1.0": ("m.tiff", save(greys(0, 1, np.float32))),
    "0.0/255.0": ("m.tiff", save(greys(0, 255, np.float32))),
    "greys": ("m.png", save(greys(40, 200))),
    "1 bit": ("m.png", save(Image.fromarray(MARKED))),
    "JPEG": ("m.jpg", save(greys(0, 255), quality=95)),
    "JPEG in colour": ("m.jpg", save(greys(0, 255).convert("RGB"), quality=95)),
    "WebP": ("m.webp", save(greys(0, 255).convert("RGB"), lossless=True)),
    "GIF": ("m.gif", save(greys(0, 255))),
    "palette": ("m.png", save(palette((0, 0, 0), (255, 255, 255)))),
    "palette of VOC": ("m.png", save(palette((0, 0, 0), (128, 0, 0)))),
    "palette of 0/1": ("m.png", save(palette((0, 0, 0), (1, 1, 1)))),
    "red on black": ("m.png", save(colours((0, 0, 0), (255, 0, 0)))),
    "white in transparency": ("m.png", save(alpha(plain("white")))),
    "black in transparency": ("m.png", save(alpha(plain("black")))),
    "red, half transparent": ("m.png", save(alpha(plain("red"), 120))),
    "grey in transparency": ("m.png", save(alpha(plain("gray", "L")))),
    "opaque RGBA": ("m.png", save(colours((0, 0, 0, 255), (255, 255, 255, 255)))),
    "twice the size": ("m.png", save(greys(0, 255).resize((96, 64), Image.Resampling.NEAREST))),
    "turned by EXIF": ("m.png", save(greys(0, 255).transpose(Turn.ROTATE_90), exif=exif(6))),
    "turned about by EXIF": ("m.png", save(greys(0, 255).transpose(Turn.ROTATE_180), exif=exif(3))),
    "text in its metadata": ("m.png", save(greys(0, 255), comment=b"${oc.env:HOME}")),
    "another ending": ("m.jpg", save(greys(0, 255), format="PNG")),
}  # fmt: skip
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
REFUSED: dict[str, tuple[Write, str]] = {
    "a photo": (save(NOISE), "expected black and white; got several colours"),
    "red and green": (save(colours((255, 0, 0), (0, 255, 0))), "similar brightness"),
    "labels 0, 1, 2": (save(levels(0, 1, 2)), "like a map of labels"),
    "labels 1, 2": (save(levels(1, 2)), "like a map of labels|expected"),
    "greys of the dark half": (save(levels(10, 60, 100)), "expected black, white"),
    "another shape": (save(greys(0, 255).resize((32, 32))), "expected the shape of its photo"),
    "on its side": (
        save(greys(0, 255).transpose(Turn.ROTATE_90)),
        "expected the shape of its photo",
    ),
    "colour and transparency": (
        save(alpha(colours((0, 0, 0), (255, 255, 255)).transpose(Turn.FLIP_TOP_BOTTOM))),
        "disagree",
    ),
    "floats of NaN": (save(greys(float("nan"), 1, np.float32), format="TIFF"), "floating-point"),
    "floats below 0": (save(greys(-1, 1, np.float32), format="TIFF"), "floating-point"),
    "an empty file": (lambda path: path.write_bytes(b""), "expected an image"),
    "text": (lambda path: path.write_text("white"), "expected an image"),
    "cut short": (lambda path: path.write_bytes(_bytes(NOISE)[:700]), "m.png"),
    "PostScript": (
        lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        "expected an image",
    ),
    "SVG": (lambda path: path.write_text("<svg/>"), "expected an image"),
    "an empty palette": (save(palette((9, 9, 9), (9, 9, 9))), "palette"),
}


def _bytes(image: Image.Image) -> bytes:
    import io

    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def rows(name: str, write: Write, right: Image.Image | None = None) -> Setup:
    """One photo with the mask file, with the intended mask, and with its opposite."""

    def setup(place: Place) -> None:
        Image.radial_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB").save(
            place.folder / "a.png"
        )
        meant = right or greys(0, 255)
        meant.save(place.folder / "right.png")
        ImageOps.invert(meant).save(place.folder / "opposite.png")
        write(place.folder / name)
        lines = [f"{kind},a.png,a,b,{file}" for kind, file in masks_of(name)]
        (place.folder / "edits.csv").write_text("\n".join(["id,image,source,target,mask", *lines]))

    return setup


def masks_of(name: str) -> tuple[tuple[str, str], ...]:
    return ("tried", name), ("meant", "right.png"), ("opposite", "opposite.png")


def same_background(seen: Seen) -> str | None:
    """The intended mask gives the number of the mask file; equal masks make one row."""
    found = {row["id"]: row["psnr_background"] for row in seen.place.numbers()}
    if not {"tried", "opposite"} <= set(found) or None in found.values():
        return f"no background to compare: {found}"
    if found["tried"] == found["opposite"]:
        return "the mask and its opposite leave the same background"
    meant = found.get("meant", found["tried"])
    return None if found["tried"] == meant else f"PSNR {found['tried']} instead of {meant}"


def extreme(marks: str, empty: bool) -> Accepted:
    """In an empty mask all is background, in a full one nothing; a warning names either."""

    def check(seen: Seen) -> str | None:
        (row,) = [row for row in seen.place.numbers() if row["id"] == "tried"]
        whole, background = row["psnr"], row["psnr_background"]
        if marks not in seen.done.err:
            return f"printed {seen.done.err}"
        right = background == whole if empty else background is None
        return None if right else f"PSNR {background} outside, {whole} in all"

    return Accepted(check)


def tries() -> Sequence[Try]:
    read = [
        Try("masks", name, RUN, Accepted(same_background), rows(file, write))
        for name, (file, write) in READ.items()
    ]
    refused = [
        Try("masks", name, RUN, RowRefused(words), rows("m.png", write))
        for name, (write, words) in REFUSED.items()
    ]
    empty, full = greys(0, 0), greys(255, 255)
    return [
        *read,
        *refused,
        Try("masks", "empty", RUN, extreme("marks nothing", True), rows("m.png", save(empty))),
        Try("masks", "full", RUN, extreme("marks everything", False), rows("m.png", save(full))),
    ]
