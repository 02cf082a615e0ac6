"""Contact sheets that an earlier run has drawn, found by all that decides their pixels.

sheets/<digest>.json names a sheet in a run's folder, with its checksum. A sheet that was changed or
removed since is drawn again.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import PIL
from PIL import features

from ids.report.canvas import font_file
from ids.run.files import write
from ids.run.sealed import SCHEMA_VERSION, Unusable, read, seal

PACKAGE = Path(__file__).parents[1]
CODE = ("report/sheet.py", "report/canvas.py", "images.py", "core/text.py")  # that draws


class DrawnSheet(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sheet is. `path` is relative to the store."""

    path: str
    sha256: str  # of the file
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class DrawnSheets:
    """The sheets of a store."""

    root: Path

    def find(self, digest: str) -> bytes | None:
        """The PNG of this digest; None where no run has it any more."""
        try:
            record = read(self._place(digest), DrawnSheet)
        except Unusable:
            return None
        path = (self.root / record.path).resolve() if record else self.root
        if record is None or not path.is_relative_to((self.root / "runs").resolve()):
            return None
        try:
            content = path.read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == record.sha256 else None

    def add(self, digest: str, path: Path, content: bytes) -> None:
        """Remember a file that was written below the store. The last one counts."""
        place = self._place(digest)
        with suppress(ValueError, OSError):  # it is elsewhere, or the disk is full: drawn again
            relative = path.resolve().relative_to(self.root.resolve()).as_posix()
            record = DrawnSheet(path=relative, sha256=hashlib.sha256(content).hexdigest())
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f".{place.name}.{os.getpid()}")
            write(partial, seal(record))
            os.replace(partial, place)

    def _place(self, digest: str) -> Path:
        return self.root / "sheets" / f"{digest}.json"


def digest_of_drawing(content: Any) -> str:
    """SHA-256 of JSON data that is drawn, of the code and of the fonts that draw it."""
    total = hashlib.sha256(json.dumps(content).encode())
    versions = (PIL.__version__, features.version("freetype2"), features.check("raqm"))
    total.update(repr(versions).encode())
    files = [*(PACKAGE / name for name in CODE), font_file(), font_file(bold=True)]
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
