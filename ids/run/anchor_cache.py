"""Source halves, and whole edits, kept for later batches and settings."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch

from ids.core.anchor_rows import AnchorRows
from ids.core.edit import AnchorCache
from ids.core.records import digest_of
from ids.run.anchor_files import FileCache
from ids.run.code import editing_digest
from ids.run.environment import versions
from ids.run.job import Setting

MB = 2**20


@runtime_checkable
class Sized(Protocol):
    """What takes so many bytes."""

    @property
    def n_bytes(self) -> int: ...


Kept = TypeVar("Kept", bound=Sized)


@dataclass(frozen=True)
class CacheLimits:
    """The size of the anchor cache in memory and on disk, in MB; 0 keeps nothing there. `folder`
    is where files go; None: `cache` in the store's folder. `ValueError` for a negative size.
    """

    memory_mb: int = 1024
    disk_mb: int = 0
    folder: str | None = None

    def __post_init__(self) -> None:
        for name in ("memory_mb", "disk_mb"):
            if (size := getattr(self, name)) < 0:
                raise ValueError(f"engine.cache.{name}: expected 0 or more; got {size}")

    def below(self, root: Path) -> "CacheLimits":
        """With the folder of that store, unless another is chosen."""
        return replace(self, folder=self.folder or str(root / "cache"))

    def open(self) -> "Levels":
        """The cache within these limits; memory comes first. Writes nothing yet."""
        levels: list[AnchorCache] = []
        if self.memory_mb:
            levels.append(MemoryCache[AnchorRows](self.memory_mb * MB))
        if self.disk_mb and self.folder:
            levels.append(FileCache(Path(self.folder), self.disk_mb * MB, editing_digest()))
        return Levels(levels)


@dataclass
class MemoryCache(Generic[Kept]):
    """At most `limit` bytes of rows of anchors, or of edits: what was used longest ago goes first.
    Their tensors stay on the device where they were made.
    """

    limit: int
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = 0

    def get(self, name: str) -> Kept | None:
        """What has that name."""
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
        return kept

    def put(self, name: str, kept: Kept) -> None:
        """Keep it, unless it is larger than the limit."""
        if name in self._kept or kept.n_bytes > self.limit:
            return
        self._kept[name] = kept
        self._bytes += kept.n_bytes
        while self._bytes > self.limit:
            self._bytes -= self._kept.popitem(last=False)[1].n_bytes


@dataclass(frozen=True)
class Levels:
    """Caches one behind the other, the fastest first."""

    levels: Sequence[AnchorCache]

    def get(self, name: str) -> AnchorRows | None:
        """The row from the first that has it; the faster ones get it."""
        for depth, level in enumerate(self.levels):
            if (row := level.get(name)) is not None:
                for faster in self.levels[:depth]:
                    faster.put(name, row)
                return row
        return None

    def put(self, name: str, row: AnchorRows) -> None:
        """To all of them."""
        for level in self.levels:
            level.put(name, row)


@dataclass(frozen=True)
class Named:
    """A cache whose names begin with `prefix`: what decides a source half besides its source."""

    cache: AnchorCache
    prefix: str

    def get(self, name: str) -> AnchorRows | None:
        """The row of that name under the prefix."""
        return self.cache.get(f"{self.prefix}{name}")

    def put(self, name: str, row: AnchorRows) -> None:
        """Keep a row under the prefix."""
        self.cache.put(f"{self.prefix}{name}", row)


def predictions_key(setting: Setting, device: torch.device) -> str:
    """Digest of the backbone, its device, this version and the code of classes from outside it,
    which may draw or predict otherwise: predictions of sources are shared where these are equal.
    """
    outside = {name: code for name, code in setting.revisions.items() if isinstance(code, str)}
    return digest_of([setting.backbone_key, device.type, outside, versions()["ids"]])


def halves_key(setting: Setting, device: torch.device) -> str:
    """Digest of the backbone, its device, this version and the code of the method's classes: source
    halves are shared where these are equal.
    """
    code = dict(setting.revisions), dict(setting.code), versions()["ids"]
    return digest_of([setting.backbone_key, device.type, *code])
