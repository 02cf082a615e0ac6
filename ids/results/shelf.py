"""`ids results`: results one by one, damaged files, removal."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ids.core.claims import take
from ids.core.errors import ConfigError, DataError
from ids.core.numbers import to_float
from ids.core.text import shortened
from ids.results.catalog import Catalog, Entry, ResultGroup
from ids.results.labels import setting_labels, setting_values
from ids.results.origin import command_of
from ids.run.records import EditRecord, Manifest, MeasurementRecord, MetricsRecord, Mirrored
from ids.run.scene_files import SCENE, SHEET, VIDEO
from ids.run.sealed import Unusable, read
from ids.run.store import IMAGE, Store

KINDS: dict[str, type[msgspec.Struct]] = {  # records beside the results, by their place
    "results/??/*/metrics-*.json": MetricsRecord,
    "measurements/*/*.json": MeasurementRecord,
    "datasets/*.json": Manifest,
    "mirrored/*.json": Mirrored,
}
SHOWN_ID = 60  # characters of a case's id in a list
CONTENT = {SCENE: "scene", SHEET: "views", VIDEO: "video"}  # files of an edited scene


@dataclass(frozen=True)
class Line:
    """A result in a list, with the row it belongs to; an orphan has none."""

    record: EditRecord
    label: str
    group: ResultGroup | None = None
    entry: Entry | None = None

    def cells(self) -> tuple[str, ...]:
        """Key, status, label, data set, case, seed, time."""
        record, row = self.record, self.entry.row if self.entry else None
        made = datetime.fromtimestamp(record.made).strftime("%Y-%m-%d %H:%M")
        return (
            record.key[:12],
            record.status,
            self.label,
            self.group.title if self.group else "-",
            shortened(row.id, SHOWN_ID) if row else "-",
            "" if record.seed is None else str(record.seed),
            made,
        )


def lines(
    catalog: Catalog, groups: Sequence[ResultGroup], orphans: Sequence[EditRecord]
) -> list[Line]:
    """Of the selected groups and orphans, with the labels they have among all results."""
    everything = [e.record for group in catalog.groups for e in group.entries]
    labels = setting_labels([*everything, *catalog.orphans])
    of_rows = [
        Line(entry.record, labels[entry.record.setting], group, entry)
        for group in groups
        for entry in group.entries
    ]
    return [*of_rows, *(Line(record, labels[record.setting]) for record in orphans)]


def find(store: Store, key: str) -> EditRecord:
    """The result whose key begins with these digits; `ConfigError` for none or several."""
    found = [k for k in store.all_keys() if k.startswith(key)]
    if len(found) != 1:
        raise ConfigError(
            f"{key[:60] or 'key'}: expected the beginning of one key; got that of "
            f"{len(found) or 'no'} results; `ids results list` shows all keys"
        )
    look = store.look(found[0])
    if look.record is None:
        raise ConfigError(look.problem)
    return look.record


def describe(record: EditRecord, store: Store, catalog: Catalog) -> Iterator[str]:
    """All that is stored of a result, one fact per line."""
    folder = store.folder(record.key)
    yield f"{record.key}  {record.status}  {record.reason}".rstrip()
    yield f"made      {datetime.fromtimestamp(record.made):%Y-%m-%d %H:%M:%S}"
    if record.status == "ok":
        yield f"image     {folder / IMAGE}"
    command = command_of(store.root, record.key)
    yield f"command   {command or 'not known: no run of this store lists it'}"
    yield f"method    {record.name}"
    for key, value in setting_values(record).items():
        yield f"            {key} = {value}"
    for part, values in record.representation.items():
        yield f"            representation.{part} = {values}"
    if record.prompts:
        yield f"prompts   {record.prompts[0]!r} -> {record.prompts[1]!r}"
    yield f"seed      {'none needed' if record.seed is None else record.seed}"
    yield f"source    {record.source[:32]}"
    for name, stamp in record.files.items():
        yield f"{CONTENT.get(name, 'file'):10}{folder / name}  {stamp.size} bytes"
    for title, entry in rows_of(record, catalog):
        yield f"answers   {entry.row.id} of {title}"
        for key, number in entry.numbers.values.items():
            value = "not defined" if number.value is None else f"{to_float(number.value):.6g}"
            yield f"            {key} = {value} {number.unit}".rstrip()
    if measured := store.numbers.measurements().get(record.key):
        nfe = f"{measured.forwards:.0f} forwards, {measured.backwards:.0f} backwards"
        yield f"took      {measured.seconds:.3g} s, {nfe}, on {measured.engine.get('device')}"


def rows_of(record: EditRecord, catalog: Catalog) -> Iterator[tuple[str, Entry]]:
    """The rows that a result belongs to, each with the title of its group."""
    for group in catalog.groups:
        yield from ((group.title, e) for e in group.entries if e.record.key == record.key)


def faults(store: Store) -> Iterator[str]:
    """Every damaged, foreign or misplaced file, and the leftovers of dead processes."""
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
    """Leftovers of dead processes; the next run removes them."""
    for path in sorted((*store.root.glob("claims/*.lock"), *store.root.glob("partial/*.lock"))):
        with suppress(OSError):  # a read-only store
            if (lock := take(path)) is not None:
                lock.release()
                yield f"left behind: {path.with_suffix('')}"
    for folder in sorted(store.root.glob("partial/*/")):
        if not folder.with_name(f"{folder.name}.lock").exists():
            yield f"left behind: {folder}"


def removable(catalog: Catalog, chosen: Sequence[Line]) -> tuple[list[str], int]:
    """Keys of the chosen results that belong to no further row, and the number of those that do."""
    picked = {
        (line.group.title, line.record.key, line.entry.row.case)
        for line in chosen
        if line.group and line.entry
    }
    others = {
        e.record.key
        for group in catalog.groups
        for e in group.entries
        if (group.title, e.record.key, e.row.case) not in picked
    }
    keys = dict.fromkeys(line.record.key for line in chosen)
    return [key for key in keys if key not in others], len(keys.keys() & others)


def remove(store: Store, keys: Iterable[str]) -> tuple[int, int]:
    """Remove results: the number of removed ones, and of those that stay because a process uses
    them. `DataError` where the store cannot be written.
    """
    try:
        removed = [store.remove(key) for key in keys]
    except OSError as error:
        raise DataError(
            f"{error.filename or store.root}: expected a writable store; got {error.strerror}; "
            "check its permissions"
        ) from error
    return sum(removed), len(removed) - sum(removed)


def remove_everything(store: Store) -> None:
    """Data sets, measurements, what was computed of sources and captures, and the loggers' records,
    after the last results.
    """
    for name in ("datasets", "measurements", "sources", "mirrored", "aside", "cache", "scenes"):
        shutil.rmtree(store.root / name, ignore_errors=True)
