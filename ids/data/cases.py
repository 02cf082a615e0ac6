"""What every case must satisfy, whatever its source."""

import math
import re
import unicodedata
from pathlib import Path

from ids.core.errors import DataError
from ids.data.messages import quote, shorten

SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
UNFIT = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of characters
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")


def checked_id(case_id: str, where: str) -> str:
    """A case id is a name, never a path: it may become one on disk."""
    if not SAFE_ID.fullmatch(case_id) or ".." in case_id:
        raise DataError(
            f"{where}: expected a case id of at most 200 letters (a-z), digits, '_', '-', '+' and "
            f"single dots; got {quote(case_id)}; rename it"
        )
    return case_id


def safe_stem(path: str) -> str:
    """The name of a file as the beginning of a case id: accents dropped, what is left beside
    letters and digits made one '_'.
    """
    plain = unicodedata.normalize("NFKD", Path(path).stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:100] or "image"


def checked_prompt(text: str | None, where: str) -> str:
    """The prompt, exactly as it was written."""
    if text is None or not text.strip():
        raise DataError(
            f"{where}: expected a prompt; got an empty one; describe the image in a few words"
        )
    checked_text(text, where)
    return text


def checked_text(text: str, where: str) -> None:
    """Text that every file and tokenizer can take."""
    if UNFIT.search(text):
        raise DataError(
            f"{where}: expected text in Unicode without NUL; got {quote(text)}; write it anew"
        )


def file_within(folder: Path, name: str, where: str) -> Path:
    """A file of the data set's own folder; a name that leads out of it, by itself or by a link, is
    refused. Accents may be composed in one place and decomposed in the other.
    """
    spellings = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    try:
        path = (folder / name).resolve()
        others = {(folder / spelling).resolve() for spelling in spellings} - {path}
        found = [path] if path.is_file() else [other for other in others if other.is_file()]
        inside = (found[0] if len(found) == 1 else path).is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, no access
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{where}: expected the name of an image; got {quote(name)}; {shorten(reason)}"
        ) from error
    if not inside:
        raise DataError(
            f"{where}: expected an image inside {shorten(folder)}; {quote(name)} leads out of it; "
            "move it in"
        )
    if len(found) != 1:
        raise DataError(
            f"{where}: expected the image {quote(name)} in {shorten(folder)}; there is none; "
            "check the name"
        )
    return found[0]


def checked_blend(words: object, where: str) -> tuple[str, str] | None:
    """`cat dog`: the words of source and target that say where the edit belongs; None for none."""
    parts = str(words or "").split()
    if len(parts) not in (0, 2):
        raise DataError(
            f"{where}: expected two words, of source and target; got {quote(words)}; write: cat dog"
        )
    return (parts[0], parts[1]) if parts else None


def checked_weights(words: object, where: str) -> dict[str, float]:
    """`dog:2 hat:0.5`: target words, and what their attention is multiplied by."""
    weights: dict[str, float] = {}
    for part in str(words or "").split():
        word, _, value = part.rpartition(":")
        weight = float(value) if NUMBER.fullmatch(value) else math.nan
        if not word or not math.isfinite(weight):
            raise DataError(
                f"{where}: expected words and numbers; got {quote(part)}; write: dog:2 hat:0.5"
            )
        if word in weights:
            raise DataError(
                f"{where}: expected every word once; {quote(word)} comes twice; remove one"
            )
        weights[word] = weight
    return weights
