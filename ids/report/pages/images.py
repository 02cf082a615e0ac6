"""The images beside the page: each written once, named by what decides its pixels."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
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

    def link(self, path: Path, digest: str) -> str:
        """The name of a stored PNG of this digest: a hard link, or a copy where none is possible.
        Empty where the file is missing.
        """
        name = self._name(digest, "png")
        place = self.root / name
        with suppress(OSError):
            if not place.exists():
                _link(path, place)
            return name
        return ""

    def draw(self, digest: str, image: Callable[[], PIL.Image], lossless: bool = True) -> str:
        """The name of an image that is drawn where it does not exist."""
        name = self._name(digest, "png" if lossless else "webp")
        if not (self.root / name).exists():
            _write(image(), self.root / name)
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
        if not name:
            return ""
        small = self._name(f"{name} {THUMB}", "webp")
        if (self.root / small).exists():
            return small
        self.used.discard(small)
        try:
            with PIL.open(self.root / name, formats=["PNG"]) as image:
                if max(image.size) <= THUMB:
                    return name
                image.thumbnail((THUMB, THUMB), PIL.Resampling.LANCZOS)
                _write(image.convert("RGB"), self.root / small)
        except BROKEN:
            return name
        self.used.add(small)
        return small

    def sweep(self) -> None:
        """Remove images of earlier pages that this one does not use. Other files stay."""
        for path in self.root.iterdir():
            if NAME.fullmatch(path.name) and path.name not in self.used:
                path.unlink(missing_ok=True)

    def _name(self, digest: str, ending: str) -> str:
        name = f"{digest_of(digest)[:24]}.{ending}"
        self.used.add(name)
        return name


def open_images(folder: Path) -> ImageFolder:
    """The image folder of a page. `ConfigError` where no file can be created in it."""
    create_folder(folder)
    return ImageFolder(folder)


def overlay(mask: LazyImage) -> PIL.Image:
    """A mask as a transparent layer: its area tinted, its edge marked."""
    area = to_pil(mask.load()).convert("L").point(lambda level: 255 * (level > 127))
    edge = ImageChops.subtract(area, area.filter(ImageFilter.MinFilter(3)))
    layer = PIL.new("RGBA", area.size, (0, 0, 0, 0))
    layer.paste(TINT, mask=area)
    layer.paste(LINE, mask=edge)
    return layer


def _link(path: Path, place: Path) -> None:
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        os.link(path, partial)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(path, partial)
    os.replace(partial, place)


def _write(image: PIL.Image, place: Path) -> None:
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    kind = "WEBP" if place.suffix == ".webp" else "PNG"
    image.save(partial, kind, **({"quality": QUALITY} if kind == "WEBP" else {}))
    os.replace(partial, place)
