"""The files that a part of an experiment needs, as `ids doctor` lists them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class NeededFile:
    """A file, or a repository of a model hub, that a part reads."""

    what: str  # `unet weights`, `network of lpips_alex`
    place: str  # where it is looked for
    size: int | None  # bytes; None if it is missing
    remedy: str = ""  # how to get it, for a missing one
    url: str = ""  # where it can be fetched: https://..., or hf://REPOSITORY[/FILE] of the hub
    sha256: str = ""  # the beginning of its digest, in hexadecimal, where its publisher gives one

    @property
    def found(self) -> bool:
        """Whether the file exists on this machine."""
        return self.size is not None


@runtime_checkable
class NeedsFiles(Protocol):
    """A backbone source, metric or data set that reads files. It looks for them on this machine
    alone: no network access, no loading, no exception for a missing file.
    """

    def files(self) -> Sequence[NeededFile]: ...


def needed_file(
    what: str, file: Path, remedy: str = "check the path", url: str = "", sha256: str = ""
) -> NeededFile:
    """A local file, found or missing. The digest of a file in the hub's cache is known."""
    size = file.stat().st_size if file.is_file() else None
    return NeededFile(what, str(file), size, remedy, url, sha256 or hub_digest(file))


def needed_folder(what: str, folder: Path, files: Iterable[Path], remedy: str) -> NeededFile:
    """A local folder with the `files` that count, found or missing. Without any it is missing."""
    sizes = [file.stat().st_size for file in files if file.is_file()]
    return NeededFile(what, str(folder), sum(sizes) if sizes else None, remedy)


def hub_digest(file: Path) -> str:
    """The SHA-256 by which the hub's cache names the content of a large file; empty for any other
    file.
    """
    content = file.resolve() if file.is_symlink() else file
    return content.name if content.parent.name == "blobs" and HEX.fullmatch(content.name) else ""
