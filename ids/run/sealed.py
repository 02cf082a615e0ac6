"""Typed records as JSON files with a checksum.

A file is one JSON object whose first field is the SHA-256 of everything behind it. It reads as
plain JSON; a file that was cut, edited or swapped is detected.
"""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from ids.core.storage import SOON, patiently

SCHEMA_VERSION = 3  # of every record; 2 is what version 0.2 wrote, 1 (unwritten) 0.1
_HEAD, _TAIL, _HEX = b'{"sha256":"', b'",', 64
_BODY = len(_HEAD) + _HEX + len(_TAIL)
T = TypeVar("T", bound=msgspec.Struct)


class Unusable(Exception):
    """A file that is no record of this version. `kind` is damaged, newer, old or foreign."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def seal(record: msgspec.Struct) -> bytes:
    """The content of a record's file."""
    body = msgspec.json.format(msgspec.json.encode(record), indent=1)[1:]
    return _head(body) + body


def unseal(content: bytes, kind: type[T]) -> T:
    """The record in a file's content. `Unusable` where it holds none of this kind."""
    if not content.startswith(_HEAD):
        raise _unsealed(content)
    body = content[_BODY:]
    if content[:_BODY] != _head(body):
        raise Unusable("damaged", "its content does not have its checksum")
    whole = b"{" + body
    try:
        record = msgspec.json.decode(whole, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _check_version(whole)  # a newer version may have other fields
        raise Unusable("foreign", f"no {kind.__name__}: {error}") from error
    _check_version(whole, record)
    return record


def read(path: str | Path, kind: type[T]) -> T | None:
    """The record in a file; None without a file. `Unusable` where it holds none of this kind."""
    try:
        content = patiently(lambda: _content(path), SOON)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable("damaged", f"it cannot be read: {error.strerror}") from error
    return unseal(content, kind)


def _content(path: str | Path) -> bytes:
    with open(path, "rb", buffering=0) as file:  # read at once, by the thousand
        return file.read()


class _Head(msgspec.Struct):
    schema_version: int


def _check_version(content: bytes, record: object = None) -> None:
    """`Unusable` for a record of a newer version."""
    version = getattr(record, "schema_version", None)
    if version is None:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            version = msgspec.json.decode(content, type=_Head).schema_version
    if version is not None and version > SCHEMA_VERSION:
        raise Unusable("newer", f"a newer ids wrote it (schema {version})")


def _unsealed(content: bytes) -> Unusable:
    """The error for a file without a checksum: of version 0.1, or something else."""
    if not content.strip():
        return Unusable("damaged", "it is empty")
    try:
        fields = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Unusable("damaged", "it is no JSON")
    if isinstance(fields, dict) and {"identity", "status"} <= set(fields):
        return Unusable("old", "version 0.1 wrote it")
    return Unusable("foreign", "it has no checksum")


def _head(body: bytes) -> bytes:
    """The first field, with the checksum of all others."""
    return _HEAD + hashlib.sha256(body).hexdigest().encode() + _TAIL
