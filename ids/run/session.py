"""The shared state of one command: the device, loaded networks, data sets, warnings."""

import logging
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import torch

from ids.backbones.loaded import InMemory
from ids.backbones.tuning import Tuning, tune
from ids.core.edit import AnchorCache, Anchors, Editor, inline
from ids.core.importing import lean_imports
from ids.core.protocols import Backbone, BackboneSource, Dataset
from ids.core.records import EditCase
from ids.core.rows import RowSelection
from ids.core.storage import patiently
from ids.editing.ahead import Ahead
from ids.editing.cached import KeptEdit
from ids.editing.finished import cached_editor
from ids.run.anchor_cache import (
    MB,
    CacheLimits,
    MemoryCache,
    Named,
    halves_key,
    predictions_key,
)
from ids.run.engine import Engine
from ids.run.job import Setting
from ids.run.manifest import Manifests, Survey, read_cases, survey
from ids.run.memory import source_rows_that_fit
from ids.run.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")
Shape = tuple[int, ...]  # of a source image
Place = tuple[BackboneSource, torch.device, Tuning]  # of a loaded backbone


@dataclass(frozen=True)
class LoadedModels:
    """Judging networks on one device, each loaded once."""

    device: torch.device
    _models: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The network of this key; `load` is called for a key that is new."""
        if key not in self._models:
            with lean_imports():
                self._models[key] = load()
        model: T = self._models[key]
        return model


@dataclass(frozen=True)
class Session:
    """One command, or a caller from Python. Every judging network and the last backbone stay loaded
    as long as it lives; `force` and `retry_failed` repeat only results older than it.
    """

    engine: Engine = field(default_factory=Engine)
    began: float = field(default_factory=time.time)  # seconds since 1970
    parts: dict[str, Any] = field(default_factory=dict)  # by configuration: data sets, metrics, ...
    _backbone: dict[Place, Backbone] = field(default_factory=dict)
    _caches: dict[CacheLimits, AnchorCache] = field(default_factory=dict)
    _edits: dict[CacheLimits, MemoryCache[KeptEdit]] = field(default_factory=dict)
    _warm: dict[Place, set[Shape]] = field(default_factory=dict)
    _models: dict[torch.device, LoadedModels] = field(default_factory=dict)
    _surveys: dict[tuple[int, RowSelection], tuple[Dataset, Survey]] = field(default_factory=dict)
    _published: set[str] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)
    _warned: set[str] = field(default_factory=set)

    def with_engine(self, engine: Engine) -> "Session":
        """The same session, for settings on another engine: everything loaded is shared."""
        return replace(self, engine=engine)

    def for_one_call(self) -> "Session":
        """The same session, for data sets of one call: it does not hold their images afterwards."""
        return replace(self, _surveys={})

    @property
    def device(self) -> torch.device:
        """Where edits and judges run. `ConfigError` where this machine has no such device."""
        return self.engine.start()

    @property
    def models(self) -> LoadedModels:
        """The judging networks on this device."""
        return self._models.setdefault(self.device, LoadedModels(self.device))

    def backbone(self, source: BackboneSource) -> Backbone:
        """The loaded backbone, set up for the engine. One at a time is kept, so that memory holds
        no second one. A backbone in memory is the caller's, and used as it was loaded.
        """
        place = self._place(source)
        if place not in self._backbone:
            self._backbone.clear()
            self._warm.clear()
            with lean_imports():
                loaded = source.load(self.device)
                given = isinstance(source, InMemory)
                self._backbone[place] = (
                    loaded if given else tune(loaded, self.engine.tuning, self.device)
                )
        return self._backbone[place]

    def anchors(self, store: Store, setting: Setting) -> Anchors:
        """When the source halves of a setting are computed, and what they are shared with."""
        engine, rows = self.engine, self.engine.first_at_once(self.device)
        if engine.anchors == "inline":
            return inline
        on_gpu = self.device.type == "cuda" and rows > 1
        fit = partial(source_rows_that_fit, self.device, most=rows) if on_gpu else None
        if engine.anchors == "ahead":
            return Ahead(rows, fit=fit)
        limits = engine.cache.below(store.root)
        if limits not in self._caches:
            self._caches[limits] = limits.open()
        kept = self._caches[limits]
        halves = Named(kept, halves_key(setting, self.device))
        return Ahead(rows, halves, Named(kept, predictions_key(setting, self.device)), fit)

    def cached_editor(self, editor: Editor, raw: Setting) -> Editor:
        """The editor, which shares its edits with other finishes, where the engine shares. `raw` is
        its setting without a finish.
        """
        limits = self.engine.cache
        if self.engine.anchors != "shared" or not limits.memory_mb:
            return editor
        memory = self._edits.setdefault(limits, MemoryCache(limits.memory_mb * MB))
        return cached_editor(editor, memory, f"{raw.key}-{halves_key(raw, self.device)}")

    def warm(self, source: BackboneSource) -> set[Shape]:
        """Shapes of images that the loaded backbone has run on, for all settings of the session:
        each is warmed up once.
        """
        return self._warm.setdefault(self._place(source), set())

    def _place(self, source: BackboneSource) -> Place:
        return source, self.device, self.engine.tuning

    def survey(self, dataset: Dataset, selection: RowSelection) -> Survey:
        """The selected rows of a data set, read once for all settings that share it."""
        key = id(dataset), selection  # held beside its survey, so that no other object gets its id
        if key not in self._surveys:
            self._surveys[key] = dataset, survey(dataset, selection)
        return self._surveys[key][1]

    def cases(self, dataset: Dataset, selection: RowSelection) -> Mapping[str, EditCase]:
        """The selected cases by id. Reads no image that the survey has not read."""
        seen = self._surveys.get((id(dataset), selection))
        return {c.id: c for c in (seen[1].cases if seen else read_cases(dataset, selection))}

    def publish(self, seen: Survey, store: Store) -> None:
        """Write the data set's manifest to the store, once. Called when the first result exists: a
        run that is refused before that leaves the tables as they were.
        """
        key = f"{store.root}/{seen.manifest.seen}/{seen.manifest.place}/{seen.manifest.name}"
        if key not in self._published:
            manifests = Manifests(store.root / "datasets", store.claims, store.numbers)
            patiently(lambda: manifests.add(seen))
            self._published.add(key)

    def open(self, store: Store) -> None:
        """Clean up after dead processes, and warn of results of an older version; once a store."""
        if str(store.root) in self._opened:
            return
        self._opened.add(str(store.root))
        store.sweep()
        if old := sum(1 for _ in store.root.glob("results/??/*/env.json")):
            self.warn_once(
                f"{store.root}: {old} results of version 0.1 are not read: their numbers belong to "
                "no case; `ids results rm --old` removes them"
            )

    def warn_once(self, text: str) -> None:
        """Log a warning, unless this session has logged it before."""
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s", text)
