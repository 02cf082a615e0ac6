"""The image file that `ids edit` writes: checked before the edit, written completely or not at
all.
"""

import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ids.core.errors import ConfigError
from ids.core.places import refuses_files

FORMATS: Mapping[str, tuple[str, dict[str, Any]]] = {  # by ending: PIL's name, and its options
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"lossless": True}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
}
MAX_NAME = 200  # bytes of a default name
MAX_PART, MAX_PATH = 255, 3000  # bytes that file systems take
MAX_SLUG = 40  # characters of the target prompt in a name


def check_out(out: str, inputs: Sequence[str]) -> None:
    """`ConfigError` for a place where the image cannot be written. Creates nothing."""
    path = Path(out)
    if "\0" in out or len(os.fsencode(out)) > MAX_PATH or _longest(path) > MAX_PART:
        raise ConfigError(
            f"--out {out[:60]!r}...: expected a shorter name; got {len(out)} characters; shorten it"
        )
    if not out or out.endswith("/") or path.is_dir():
        raise ConfigError(
            f"--out {out!r}: expected a file; got {'a folder' if out else 'nothing'}; add a name "
            "such as edited.png"
        )
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"--out {out}: expected one of the endings {', '.join(FORMATS)}; got "
            f"{path.suffix or 'none'}; change it"
        )
    if path.is_symlink():
        raise ConfigError(f"--out {out}: expected a file; got a symbolic link; name another")
    if path.exists() and not path.is_file():
        raise ConfigError(f"--out {out}: expected a file; got another kind; name another")
    for given in inputs:
        if path.exists() and os.path.exists(given) and os.path.samefile(path, given):
            raise ConfigError(
                f"--out {out}: expected another file than {given}; got that file; name another"
            )
    _check_folder(path.absolute().parent, out)


def default_out(image: str, method: str, target: str, key: str) -> Path:
    """Beside the image: `photo.ids.a-blue-circle-3f2a1c.png`. The six digits are of the result's
    key: another prompt or value writes another file, the same command the same file.
    """
    path = Path(image)
    ending = f"-{key[:6] or '0' * 6}.png"
    stem, middle = path.stem, f".{method}.{_slug(target)}"
    while len(os.fsencode(f"{stem}{middle}{ending}")) > MAX_NAME:
        stem, middle = (stem[:-1], middle) if len(stem) > len(middle) else (stem, middle[:-1])
    return path.with_name(f"{stem}{middle}{ending}")


def write_image(image: Image.Image, out: Path) -> None:
    """In the format of the ending. Written to a new file beside it, then renamed: no symbolic link
    is followed.
    """
    kind, options = FORMATS[out.suffix.lower()]
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".ids-", suffix=out.suffix, dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            image.save(stream, kind, **options)
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
        if out.is_symlink():
            raise ConfigError(f"{out}: expected a file; got a symbolic link; name another")
        os.replace(partial, out)
    except BaseException:
        os.unlink(partial)
        raise


def _longest(path: Path) -> int:
    return max((len(os.fsencode(part)) for part in path.parts), default=0)


def _check_folder(folder: Path, out: str) -> None:
    nearest = next(place for place in [folder, *folder.parents] if os.path.lexists(place))
    if not nearest.is_dir():
        raise ConfigError(f"--out {out}: expected a folder; got the file {nearest}; name another")
    if reason := refuses_files(nearest):
        raise ConfigError(
            f"--out {out}: expected a writable folder; got {nearest} ({reason}); name another"
        )


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFC", text.lower())
    return re.sub(r"[\W_]+", "-", plain)[:MAX_SLUG].strip("-") or "edit"


def _umask() -> int:
    """The process's umask; it can be read only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
