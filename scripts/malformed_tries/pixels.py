"""Photos of every format, mode and state: the pixels one sees, or a refusal before any work."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from malformed_tries.masks import Write, exif, save
from malformed_tries.place import EDIT, Place
from malformed_tries.tables import RUN
from malformed_tries.trying import Accepted, Expectation, Refused, Seen, Setup, Try

PROMPTS = ("--source", "a", "--target", "b")
RED = Image.new("RGB", (40, 40), (200, 30, 40))
PHOTO = Image.fromarray(
    np.stack(np.meshgrid(np.arange(40) * 6, np.arange(40) * 6), -1)
    .sum(-1)
    .astype(np.uint16)[..., None]
    .repeat(3, -1)
    .clip(0, 255)
    .astype(np.uint8)
)
GREY = PHOTO.convert("L")


def pair(name: str, write: Write, meant: Image.Image) -> Setup:
    """A table of the file tried, and of the image that it shows as a plain PNG."""

    def setup(place: Place) -> None:
        write(place.folder / name)
        meant.save(place.folder / "meant.png")
        lines = ("id,image,source,target", f"tried,{name},a,b", "meant,meant.png,a,b")
        (place.folder / "edits.csv").write_text("\n".join(lines))

    return setup


def looks_alike(tolerance: int) -> Expectation:
    """The edits' sources are within so many levels of 255 everywhere; at 0 they are one edit."""

    def check(seen: Seen) -> str | None:
        from ids.data import Folder

        folder = Folder(str(seen.place.folder), 32)
        tried, meant = (folder[index].source.load() * 255 for index in range(2))
        apart = float((tried - meant).abs().max())
        results = len(seen.place.records())
        if results != (1 if tolerance == 0 else 2) and apart > 0:
            return f"{results} results"
        return f"{apart:.0f} levels from the image it shows" if apart > tolerance else None

    return Accepted(check)


def swapped() -> bytes:
    """A profile in which red and blue change places."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", content[128:132])[0]
    at = {bytes(content[i : i + 4]): i + 4 for i in range(132, 132 + 12 * count, 12)}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    content[red : red + 8], content[blue : blue + 8] = (
        content[blue : blue + 8],
        content[red : red + 8],
    )
    return bytes(content)


def deep(scale: float, kind: Any) -> Image.Image:
    return Image.fromarray((np.asarray(GREY, np.float64) * scale).astype(kind))


def white_in(mode: str) -> Image.Image:
    """Fully transparent pixels over a colour."""
    return Image.new("RGBA", (40, 40), (255, 0, 0, 0)).convert(mode)


BLUE = Image.new("RGB", (40, 40), (40, 30, 200))
WHITE = Image.new("RGB", (40, 40), "white")
READ: dict[str, tuple[str, Write, Image.Image, int]] = {
    "BMP": ("x.bmp", save(PHOTO), PHOTO, 0),
    "TIFF": ("x.tiff", save(PHOTO), PHOTO, 0),
    "PPM": ("x.ppm", save(PHOTO), PHOTO, 0),
    "WebP without loss": ("x.webp", save(PHOTO, lossless=True), PHOTO, 0),
    "GIF of greys": ("x.gif", save(GREY), PHOTO, 0),
    "JPEG": ("x.jpg", save(PHOTO, quality=98), PHOTO, 4),
    "PNG named as JPEG": ("x.jpg", save(PHOTO, format="PNG"), PHOTO, 0),
    "no ending": ("x", save(PHOTO, format="PNG"), PHOTO, 0),
    "greys": ("x.png", save(GREY), PHOTO, 0),
    "16 bits": ("x.png", save(deep(257, np.uint16)), PHOTO, 0),
    "whole numbers of 32 bits": ("x.tiff", save(deep(257, np.int32)), PHOTO, 0),
    "floats of 0 to 1": ("x.tiff", save(deep(1 / 255, np.float32)), PHOTO, 1),
    "floats of 0 to 255": ("x.tiff", save(deep(1, np.float32)), PHOTO, 0),
    "palette": ("x.png", save(RED.convert("P")), RED.convert("P").convert("RGB"), 0),
    "transparent": ("x.png", save(white_in("RGBA")), WHITE, 0),
    "transparent greys": ("x.png", save(white_in("LA")), WHITE, 0),
    "CMYK": ("x.jpg", save(PHOTO.convert("CMYK"), quality=98), PHOTO, 6),
    "turned by EXIF": (
        "x.png",
        save(PHOTO.transpose(Image.Transpose.ROTATE_90), exif=exif(6)),
        PHOTO,
        0,
    ),
    "mirrored by EXIF": (
        "x.png",
        save(PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT), exif=exif(2)),
        PHOTO,
        0,
    ),
    "EXIF of 99": ("x.png", save(PHOTO, exif=exif(99)), PHOTO, 0),
    "a colour profile": ("x.png", save(RED, icc_profile=swapped()), BLUE, 3),
    "a profile on a palette": ("x.png", save(RED.quantize(2), icc_profile=swapped()), BLUE, 6),
    "noise for a profile": ("x.png", save(PHOTO, icc_profile=b"noise"), PHOTO, 0),
    "a profile of another space": (
        "x.png",
        save(PHOTO, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()),
        PHOTO,
        0,
    ),
    "two frames": ("x.gif", save(GREY, save_all=True, append_images=[GREY.rotate(90)]), PHOTO, 0),
    "two pages": ("x.tiff", save(PHOTO, save_all=True, append_images=[RED]), PHOTO, 0),
    "one pixel": ("x.png", save(Image.new("RGB", (1, 1), (200, 30, 40))), RED, 0),
}


def png(width: int, height: int) -> bytes:
    """A PNG whose header gives this size, without pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND\xaeB`\x82"


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(stream, kind)
    return stream.getvalue()


def content(raw: bytes) -> Write:
    return lambda path: path.write_bytes(raw)


def text_bomb(path: Path) -> None:
    """A text chunk of 200 megabytes, in 200 kilobytes."""
    packed = b"zTXtcomment\0\0" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    whole = encoded("PNG")
    path.write_bytes(whole[:33] + chunk + whole[33:])


def lab(path: Path) -> None:
    spaces = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    image = ImageCms.applyTransform(PHOTO, ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    assert image is not None  # None only with in_place=True
    image.save(path, format="TIFF")


REFUSED: dict[str, tuple[Write, str]] = {
    "an empty file": (content(b""), "expected an image"),
    "text": (content(b"not an image"), "expected an image"),
    "a PNG cut short": (content(encoded("PNG")[:2000]), "x.png"),
    "a JPEG cut short": (content(encoded("JPEG")[:700]), "x.png"),
    "a TIFF cut short": (content(encoded("TIFF")[:700]), "x.png"),
    "a WebP cut short": (content(encoded("WEBP")[:700]), "x.png"),
    "a GIF cut short": (content(encoded("GIF")[:700]), "x.png"),
    "a header alone": (content(png(64, 64)), "x.png"),
    "four billion pixels": (content(png(65535, 65535)), "megapixels|x.png"),
    "a hundred and twenty megapixels": (content(png(12_000, 10_000)), "megapixels"),
    "no pixels": (content(png(0, 64)), "x.png"),
    "a bit flipped": (content(encoded("PNG")[:900] + b"\xff" * 9 + encoded("PNG")[909:]), "x.png"),
    "text of 200 megabytes": (text_bomb, "x.png"),
    "PostScript": (content(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n"), "expected a pic"),
    "PDF": (content(b"%PDF-1.4\n"), "expected an image"),
    "SVG": (content(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "expected an image"),
    "ICO": (lambda p: RED.save(p, format="ICO"), "expected an image"),
    "a program": (content(b"\x7fELF" + bytes(100)), "expected an image"),
    "Lab": (lab, "got Lab"),
    "NaN": (save(Image.fromarray(np.full((8, 8), np.nan, np.float32)), format="TIFF"), "floating"),
    "infinity": (
        save(Image.fromarray(np.full((8, 8), np.inf, np.float32)), format="TIFF"),
        "floating",
    ),
    "negative": (
        save(Image.fromarray(np.full((8, 8), -5, np.int32)), format="TIFF"),
        "whole pixel",
    ),
    "a folder": (Path.mkdir, "expected an image file; none found"),
    "a link to nothing": (lambda p: p.symlink_to("nothing"), "expected an image file"),
    "nothing": (lambda p: None, "expected an image file"),
    "a strip of 1 to 4000": (save(Image.new("RGB", (4000, 1))), "x.png"),
}


def tries() -> Sequence[Try]:
    read = [
        Try("pixels", name, RUN, looks_alike(tolerance), pair(file, write, meant))
        for name, (file, write, meant, tolerance) in READ.items()
    ]
    refused = [
        Try("pixels", name, ("edit", "x.png", *PROMPTS, *EDIT), Refused(words), lay_at(write))
        for name, (write, words) in REFUSED.items()
    ]
    return [*read, *refused]


def lay_at(write: Write) -> Setup:
    return lambda place: write(place.folder / "x.png")
