"""`ids results`: what is in a store, one by one; what is damaged; what may go."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ids.core.errors import ConfigError, DataError
from ids.results.catalog import Catalog, Entry, ResultGroup, read_catalog
from ids.results.frames import setting_labels, setting_values
from ids.run.claims import take
from ids.run.records import EditRecord, Manifest, MeasurementRecord, MetricsRecord, Mirrored
from ids.run.sealed import Unusable, read
from ids.run.store import Store

KINDS: dict[
    str, type[msgspec.Struct]
] = {  # where records of which kind lie, the results themselves aside
    "results/??/*/metrics-*.json": MetricsRecord,
    "measurements/*/*.json": MeasurementRecord,
    "datasets/*.json": Manifest,
    "mirrored/*.json": Mirrored,
}


@dataclass(frozen=True)
class Line:
    """A result in a list: the row it answers is None for one that answers none."""

    record: EditRecord
    label: str
    world: ResultGroup | None = None
    entry: Entry | None = None

    def cells(self) -> tuple[str, ...]:
        record, row = self.record, self.entry.row if self.entry else None
        made = datetime.fromtimestamp(record.made).strftime("%Y-%m-%d %H:%M")
        return (
            record.key[:12],
            record.status,
            self.label,
            self.world.title if self.world else "-",
            row.id if row else "-",
            "" if record.seed is None else str(record.seed),
            made,
        )


def lines(
    catalog: Catalog, worlds: Sequence[ResultGroup], orphans: Sequence[EditRecord]
) -> list[Line]:
    """Of the worlds and orphans that were chosen, labelled as among all results."""
    everything = [e.record for world in catalog.worlds for e in world.entries]
    labels = setting_labels([*everything, *catalog.orphans])
    answers = [
        Line(entry.record, labels[entry.record.setting], world, entry)
        for world in worlds
        for entry in world.entries
    ]
    return [*answers, *(Line(record, labels[record.setting]) for record in orphans)]


def find(store: Store, key: str) -> EditRecord:
    """The result whose key begins so; `ConfigError` where there is none, or several."""
    found = [k for k in store.all_keys() if k.startswith(key)]
    if len(found) != 1:
        told = f"{len(found)} results" if found else "none"
        raise ConfigError(f"{key}: expected the beginning of one key; {told} begin so; see list")
    look = store.look(found[0])
    if look.record is None:
        raise ConfigError(look.problem)
    return look.record


def describe(record: EditRecord, store: Store) -> Iterator[str]:
    """All that is known of a result, a line each."""
    folder = store.folder(record.key)
    yield f"{record.key}  {record.status}  {record.reason}".rstrip()
    yield f"made      {datetime.fromtimestamp(record.made):%Y-%m-%d %H:%M:%S}"
    yield f"method    {record.name}"
    for key, value in setting_values(record).items():
        yield f"            {key} = {value}"
    if record.prompts:
        yield f"prompts   {record.prompts[0]!r} -> {record.prompts[1]!r}"
    yield f"seed      {'none needed' if record.seed is None else record.seed}"
    yield f"source    {record.source[:32]}"
    for name, stamp in record.files.items():
        yield f"file      {folder / name}  {stamp.size} bytes"
    for world in read_catalog(store).worlds:
        for entry in (e for e in world.entries if e.record.key == record.key):
            yield f"answers   {entry.row.id} of {world.title}"
            for key, number in entry.numbers.values.items():
                value = "not defined" if number.value is None else f"{number.value:.6g}"
                yield f"            {key} = {value} {number.unit}".rstrip()
    if taken := store.numbers.measurements().get(record.key):
        passes = f"{taken.forwards:.0f} forwards, {taken.backwards:.0f} backwards"
        yield f"took      {taken.seconds:.3g} s, {passes}, on {taken.engine.get('device')}"


def faults(store: Store) -> Iterator[str]:
    """Every file that is not what it should be, and whatever was left behind."""
    for key in store.all_keys():
        look = store.look(key, content=True)
        if look.problem:
            yield f"{look.kind}: {look.problem}"
    yield from (f"misplaced: {problem}" for problem in store.misplaced())
    for pattern, kind in KINDS.items():
        for path in sorted(store.root.glob(pattern)):
            try:
                found = read(path, kind)
            except Unusable as error:
                yield f"{error.kind}: {path}: {error}"
                continue
            if isinstance(found, MetricsRecord) and path != store.numbers.metrics_path(
                found.key, found.case
            ):
                yield f"misplaced: {path}: it holds the numbers of {found.key}"
    for path in sorted(store.root.glob("sources/*/*")):
        if store.sources.get(path.name) is None:
            yield f"damaged: {path}: its content does not have its checksum"
    yield from _left_behind(store)


def _left_behind(store: Store) -> Iterator[str]:
    """By processes that are no more; the next that starts removes it."""
    for path in sorted((*store.root.glob("claims/*.lock"), *store.root.glob("partial/*.lock"))):
        with suppress(OSError):  # a store that can only be read
            if (lock := take(path)) is not None:
                lock.release()
                yield f"left behind: {path.with_suffix('')}"
    for folder in sorted(store.root.glob("partial/*/")):
        if not folder.with_name(f"{folder.name}.lock").exists():
            yield f"left behind: {folder}"


def removable(catalog: Catalog, chosen: Sequence[Line]) -> tuple[list[str], int]:
    """Keys of the chosen results that answer no other row as well, and how many do."""
    picked = {
        (line.world.title, line.record.key, line.entry.row.case)
        for line in chosen
        if line.world and line.entry
    }
    others = {
        e.record.key
        for world in catalog.worlds
        for e in world.entries
        if (world.title, e.record.key, e.row.case) not in picked
    }
    keys = dict.fromkeys(line.record.key for line in chosen)
    return [key for key in keys if key not in others], len(keys.keys() & others)


def remove(store: Store, keys: Iterable[str]) -> tuple[int, int]:
    """Remove results; how many went, and how many stay since a process has them in hand.
    `DataError` where the store cannot be written.
    """
    try:
        gone = [store.remove(key) for key in keys]
    except OSError as error:
        raise DataError(
            f"{error.filename or store.root}: expected a store that can be written; "
            f"{error.strerror}; check its permissions"
        ) from error
    return sum(gone), len(gone) - sum(gone)


def remove_everything(store: Store) -> None:
    """What goes with the last results: data sets, measurements, latents, marks of the loggers."""
    for name in ("datasets", "measurements", "sources", "mirrored", "aside"):
        shutil.rmtree(store.root / name, ignore_errors=True)
