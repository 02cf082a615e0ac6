"""Checks of case ids, prompts, words and file names, for every data set."""

import hashlib
import math
import os
import re
import unicodedata
from pathlib import Path

from ids.core.errors import DataError
from ids.data.messages import quote, shorten

SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
UNFIT = re.compile("[\0\ud800-\udfff]")  # NUL, and lone surrogates
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")


def checked_path(path: str, kind: str = "folder") -> Path:
    """The path of a data set, `~` expanded; it may not exist. `DataError` for no path."""
    if not path.strip() or "\0" in path:
        raise DataError(f"dataset.path: expected a {kind}; got {quote(path)}; name one")
    return Path(os.path.expanduser(path))


def checked_id(case_id: str, where: str) -> str:
    """The id; `DataError` unless it is safe as a file name. An id is never a path."""
    if not SAFE_ID.fullmatch(case_id) or ".." in case_id:
        raise DataError(
            f"{where}: expected a case id of at most 200 letters (a-z), digits, '_', '-', '+' and "
            f"single dots; got {quote(case_id)}; rename it"
        )
    return case_id


def safe_stem(path: str) -> str:
    """The name of a file as the beginning of a case id: accents removed, runs of other characters
    than letters and digits replaced by '_'.
    """
    plain = unicodedata.normalize("NFKD", Path(path).stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:100] or "image"


def id_of_name(name: str) -> str:
    """A case id for a file, without looking at other files: its name, and eight digits of a digest
    where the name has characters that an id cannot have.
    """
    if SAFE_ID.fullmatch(name) and ".." not in name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe_stem(name.replace('/', '_') + '.')}-{digest}"


def checked_prompt(text: str | None, where: str) -> str:
    """The prompt, unchanged; `DataError` for an empty one, or one with NUL or lone surrogates."""
    return _checked_words(text, where, "a prompt", "the image")


def checked_instruction(text: str | None, where: str) -> str:
    """As `checked_prompt`, of an edit written as a command."""
    return _checked_words(text, where, "an instruction", "the edit")


def _checked_words(text: str | None, where: str, kind: str, what: str) -> str:
    if text is None or not text.strip():
        raise DataError(
            f"{where}: expected {kind}; got an empty one; describe {what} in a few words"
        )
    checked_text(text, where)
    return text


def checked_text(text: str, where: str) -> None:
    """`DataError` for text that some file or tokenizer cannot represent."""
    if UNFIT.search(text):
        raise DataError(
            f"{where}: expected text in Unicode without NUL; got {quote(text)}; write it again"
        )


def file_within(folder: Path, name: str, where: str, kind: str = "image") -> Path:
    """A file inside the data set's folder, an image or of another `kind`. Accents may be composed
    in the table and decomposed in the file name, or the reverse. `DataError` for a missing file,
    and for a name that leads out of the folder, directly or by a link.
    """
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    try:
        path = (folder / name).resolve()
        others = {(folder / form).resolve() for form in forms} - {path}
        found = [path] if path.is_file() else [other for other in others if other.is_file()]
        inside = (found[0] if len(found) == 1 else path).is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, no access
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{where}: expected the name of the {kind}; got {quote(name)}; {shorten(reason)}"
        ) from error
    if not inside:
        raise DataError(
            f"{where}: expected the {kind} inside {shorten(folder)}; {quote(name)} leads out of "
            "it; move it in"
        )
    if len(found) != 1:
        raise DataError(
            f"{where}: expected the {kind} {quote(name)} in {shorten(folder)}; found none; "
            "check the name"
        )
    return found[0]


def checked_blend(words: object, where: str) -> tuple[str, str] | None:
    """`cat dog`: the words of source and target prompt that locate the edit; None for empty text.
    `DataError` for another number of words.
    """
    parts = str(words or "").split()
    if len(parts) not in (0, 2):
        raise DataError(
            f"{where}: expected two words, of source and target; got {quote(words)}; write: cat dog"
        )
    return (parts[0], parts[1]) if parts else None


def checked_weights(words: object, where: str) -> dict[str, float]:
    """`dog:2 hat:0.5`: target words and the factors of their attention. `DataError` for a malformed
    entry or a repeated word.
    """
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
                f"{where}: expected every word once; got {quote(word)} twice; remove one"
            )
        weights[word] = weight
    return weights
