"""The images beside the page: each written once, named by what decides its pixels."""

import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as PIL
from PIL import ImageChops, ImageFilter

from ids.core.errors import DataError
from ids.core.places import create_folder
from ids.core.records import LazyImage, digest_of
from ids.images import to_pil

THUMB = 192  # pixels: larger images have a thumbnail of this side
QUALITY = 82  # of thumbnails and decoded states, WebP
TINT, LINE = (255, 214, 10, 70), (255, 214, 10, 255)  # inside a mask, and its outline
NAME = re.compile(r"[0-9a-f]{24}\.(png|webp)")
BROKEN = (OSError, SyntaxError, ValueError)  # of Pillow


@dataclass(frozen=True)
class ImageFolder:
    """The images of a page. An image that exists is not written again; `sweep` removes those that
    the page does not use.
    """

    root: Path
    used: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=set)  # listed once: there are many

    def link(self, path: Path, digest: str) -> str:
        """The name of a stored PNG of this digest: a hard link, or a copy where none is possible.
        Empty where the file is missing.
        """
        name = self._name(digest, "png")
        with suppress(FileNotFoundError, PermissionError):
            if name not in self.present:
                _link(path, self.root / name)
                self.present.add(name)
            return name
        self.used.discard(name)
        return ""

    def draw(self, digest: str, image: Callable[[], PIL.Image], lossless: bool = True) -> str:
        """The name of an image that is drawn where it does not exist."""
        name = self._name(digest, "png" if lossless else "webp")
        if name not in self.present:
            self._write(image(), name)
        return name

    def source(self, image: LazyImage | None, view: str) -> str:
        """The name of an image of a case, at the size of its `view`; empty without one."""
        if image is None:
            return ""
        with suppress(DataError):
            return self.draw(digest_of([image.digest(), view]), lambda: to_pil(image.load()))
        return ""

    def mask(self, mask: LazyImage | None, view: str) -> str:
        """The name of a transparent image that tints a mask and draws its outline."""
        if mask is None:
            return ""
        with suppress(DataError):
            return self.draw(digest_of([mask.digest(), view, "mask"]), lambda: overlay(mask))
        return ""

    def thumbnail(self, name: str) -> str:
        """The name of a small copy of an image; of the image itself where it is small."""
        small = _named(f"{name} {THUMB}", "webp")
        if small not in self.present:
            if not name or side_of(self.root / name) <= THUMB:
                return name
            try:
                with PIL.open(self.root / name, formats=["PNG"]) as image:
                    image.thumbnail((THUMB, THUMB), PIL.Resampling.LANCZOS)
                    small_image = image.convert("RGB")
            except BROKEN:
                return name
            self._write(small_image, small)
        self.used.add(small)
        return small

    def thumbnails(self, names: Sequence[str]) -> list[str]:
        """Of many images, on all cores: large ones take milliseconds each."""
        different = list(dict.fromkeys(names))
        with ThreadPoolExecutor() as pool:
            small = dict(zip(different, pool.map(self.thumbnail, different), strict=True))
        return [small[name] for name in names]

    def sweep(self) -> None:
        """Remove images of earlier pages that this one does not use. Other files stay."""
        for path in self.root.iterdir():
            if NAME.fullmatch(path.name) and path.name not in self.used:
                path.unlink(missing_ok=True)

    def _name(self, digest: str, ending: str) -> str:
        name = _named(digest, ending)
        self.used.add(name)
        return name

    def _write(self, image: PIL.Image, name: str) -> None:
        kind = "WEBP" if name.endswith(".webp") else "PNG"
        with _replacing(self.root / name) as partial:
            image.save(partial, kind, **({"quality": QUALITY} if kind == "WEBP" else {}))
        self.present.add(name)


def open_images(folder: Path) -> ImageFolder:
    """The image folder of a page. `ConfigError` where no file can be created in it."""
    create_folder(folder)
    return ImageFolder(folder, present=set(os.listdir(folder)))


def overlay(mask: LazyImage) -> PIL.Image:
    """A mask as a transparent layer: its area tinted, its edge marked."""
    area = to_pil(mask.load()).convert("L").point(lambda level: 255 * (level > 127))
    edge = ImageChops.subtract(area, area.filter(ImageFilter.MinFilter(3)))
    layer = PIL.new("RGBA", area.size, (0, 0, 0, 0))
    layer.paste(TINT, mask=area)
    layer.paste(LINE, mask=edge)
    return layer


def _link(path: Path, place: Path) -> None:
    with _replacing(place) as partial:
        try:
            os.link(path, partial)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, partial)


@contextmanager
def _replacing(place: Path) -> Iterator[Path]:
    """A file that takes its place when it is complete."""
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, place)
    finally:
        partial.unlink(missing_ok=True)


def _named(digest: str, ending: str) -> str:
    return f"{digest_of(digest)[:24]}.{ending}"


def side_of(path: Path) -> int:
    """The longer side of a PNG in pixels, from its first bytes; 0 for another file."""
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        head = file.read(24)
        if len(head) == 24 and head.startswith(b"\x89PNG\r\n\x1a\n"):
            return int(max(struct.unpack(">II", head[16:])))
    return 0
