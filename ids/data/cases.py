"""What every case must satisfy, whatever its source."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

from ids.core.errors import DataError
from ids.data.pictures import FITS, MaskFile, PictureFile

SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def checked_id(case_id: str, where: str) -> str:
    """A case id is a name, never a path: it may become one on disk."""
    if not SAFE_ID.fullmatch(case_id) or ".." in case_id:
        raise DataError(
            f"{where}: expected a case id of letters, digits, '_', '-', '+' and single dots; "
            f"got {case_id!r}; rename it"
        )
    return case_id


def checked_prompt(text: str | None, where: str) -> str:
    if text is None or not text.strip():
        raise DataError(
            f"{where}: expected a prompt; got an empty one; describe the picture in a few words"
        )
    return text.strip()


def checked_canvas(size: int, fit: str) -> None:
    if size < 1:
        raise ValueError(f"dataset.size: expected a side of 1 pixel or more; got {size}")
    if fit not in FITS:
        raise ValueError(f"dataset.fit: expected one of {', '.join(FITS)}; got {fit!r}")


def picture_within(folder: Path, name: str, size: int, fit: str, where: str) -> PictureFile:
    """A picture of the data set's own folder; a name that leads out of it is refused."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DataError(
            f"{where}: expected a picture inside {folder}; {name!r} leads out of it; move it in"
        )
    if not path.is_file():
        raise DataError(f"{where}: expected the picture {path}; there is none; check the name")
    return PictureFile(path, size, fit)


def mask_within(folder: Path, name: str, size: int, fit: str, where: str) -> MaskFile:
    return MaskFile(picture_within(folder, name, size, fit, where))


def checked_unique(ids: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for case_id in ids:
        if case_id in seen:
            raise DataError(
                f"{where}: expected every case id once; {case_id!r} comes twice; rename one"
            )
        seen.add(case_id)


def checked_blend(words: object, where: str) -> tuple[str, str] | None:
    """`cat dog`: the words of source and target that say where the edit belongs; None for none."""
    parts = str(words or "").split()
    if len(parts) not in (0, 2):
        raise DataError(
            f"{where}: expected two words, of source and target; got {words!r}; write: cat dog"
        )
    return (parts[0], parts[1]) if parts else None


def checked_weights(words: object, where: str) -> dict[str, float]:
    """`dog:2 hat:0.5`: target words, and what their attention is multiplied by."""
    weights: dict[str, float] = {}
    for part in str(words or "").split():
        word, _, value = part.rpartition(":")
        try:
            weights[word] = float(value)
        except ValueError:
            word = ""
        if not word or not math.isfinite(weights[word]):
            raise DataError(
                f"{where}: expected words and numbers; got {part!r}; write: dog:2 hat:0.5"
            )
    return weights
