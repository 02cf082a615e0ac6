"""Source halves on disk.

<folder>/<xx>/<name>.anchor   one row of one step: the checksum of its name and content, then that
"""

import hashlib
import logging
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ids.core.anchor_rows import AnchorRows, Layout
from ids.run import files
from ids.run.sources import HEX

log = logging.getLogger(__name__)
SUFFIX = ".anchor"  # of files that may be removed: the folder may hold others
LAYOUT = "layout"  # JSON as bytes, beside the tensors, whose names are numbers
ROOM = 0.9  # of the limit that is left filled when files are removed
LOOKS = 16  # looks at the folder while it fills once: other processes write, too


class _Layout(msgspec.Struct, forbid_unknown_fields=True):
    """An anchor: the name of a tensor for each of its places. Feature maps are never stored."""

    draw: tuple[str, str, str | None]
    reference: str
    features: dict[str, str]
    places: dict[str, str]
    logs: dict[str, str]
    parts: dict[str, "_Layout"]

    def names(self) -> set[str]:
        """Of all tensors of it and of its parts."""
        own = {name for name in self.draw if name}
        inner = (part.names() for part in self.parts.values())
        maps = self.features.values(), self.places.values()
        return own.union({self.reference}, *maps, self.logs.values(), *inner)


@dataclass
class FileCache:
    """An `AnchorCache` of files of at most `limit` bytes: what was used longest ago goes first.
    Safe for several processes at once, which may together exceed the limit by a sixteenth each
    until one looks again. A damaged file, one of another name, and one that other `code` wrote
    count as missing and are written again.
    """

    root: Path
    limit: int
    code: str = ""  # digest of the code that computes rows
    _size: int | None = None  # of all files at the last look, and of those written since
    _since: int = 0  # bytes written since the last look

    def get(self, name: str) -> AnchorRows | None:
        """The row of that name, on the CPU."""
        path = self._path(name)
        with suppress(OSError):
            row = _read(self.code + name, path.read_bytes())
            with suppress(OSError):
                os.utime(path)  # it was used now
            return row
        return None

    def put(self, name: str, row: AnchorRows) -> None:
        """Keep a row, unless it has feature maps or is not finite. Where files cannot be written,
        nothing is kept from then on.
        """
        if not self.limit or _has_features(row.layout) or not _is_finite(row):
            return
        content = _written(self.code + name, row)
        if len(content) > self.limit:
            return
        try:
            self._write(self._path(name), content)
            self._grow(len(content))
        except OSError as error:
            self.limit = 0
            log.warning("%s: no more source halves are kept here: %s", self.root, error)

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file atomically. What a killed process leaves is removed as any unused file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}{SUFFIX}")
        try:
            files.write(partial, content)
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def _grow(self, n_bytes: int) -> None:
        """Count what was written; look at the folder where it may be full."""
        if self._size is None:
            return self._look()
        self._size += n_bytes
        self._since += n_bytes
        if self._size > self.limit or self._since > self.limit / LOOKS:
            self._look()
        return None

    def _look(self) -> None:
        """Measure the folder, and remove what was used longest ago where it is too large."""
        found = sorted(_sized(self.root))
        self._size, self._since = sum(size for _, size, _ in found), 0
        if self._size <= self.limit:
            return
        for _, size, path in found:
            if self._size <= ROOM * self.limit:
                break
            with suppress(OSError):
                os.unlink(path)
            self._size -= size

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / f"{name}{SUFFIX}"


def _sized(root: Path) -> list[tuple[int, int, str]]:
    """Time of the last use, size and path of every file of the cache."""
    found = []
    for path in root.glob(f"??/*{SUFFIX}"):
        with suppress(OSError):  # another process has removed it
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, os.fspath(path)))
    return found


def _written(name: str, row: AnchorRows) -> bytes:
    """A row as the content of the file of that name."""
    layout = torch.frombuffer(bytearray(msgspec.json.encode(row.layout)), dtype=torch.uint8)
    tensors = {name: x.cpu().contiguous() for name, x in row.tensors.items()}
    body = save({**tensors, LAYOUT: layout})
    return checksum(name, body) + body


def _read(name: str, content: bytes) -> AnchorRows | None:
    """The row in the content of the file of that name; None where it is damaged, or no row."""
    if checksum(name, content[HEX:]) != content[:HEX]:
        return None
    with suppress(SafetensorError, msgspec.MsgspecError, KeyError):
        tensors = load(content[HEX:])
        layout = msgspec.json.decode(tensors.pop(LAYOUT).numpy().tobytes(), type=_Layout)
        if _complete(layout, tensors):
            return AnchorRows(msgspec.to_builtins(layout), tensors, 1)
    return None


def checksum(name: str, body: bytes) -> bytes:
    """SHA-256 of name and content, in hexadecimal: a copy under another name is another row."""
    return hashlib.sha256(name.encode() + b"\0" + body).hexdigest().encode()


def _complete(layout: _Layout, tensors: Mapping[str, Tensor]) -> bool:
    """Is every tensor that is named there, with one row?"""
    named = layout.names() - {"t", "eps", "t_prev"}
    return named <= tensors.keys() and all(x.ndim and len(x) == 1 for x in tensors.values())


def _is_finite(row: AnchorRows) -> bool:
    return all(bool(x.isfinite().all()) for x in row.tensors.values())


def _has_features(layout: Layout) -> bool:
    return bool(layout["features"]) or any(map(_has_features, layout["parts"].values()))
