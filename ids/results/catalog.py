"""The results of a store beside the data sets they answer: what a table may show.

A result knows no data set. It belongs to every row, of the newest manifest of a data set, that
asks what it answers: the same source, and the same prompts, words and true edit where it depends on
them. What belongs to no row, since a prompt was corrected say, is counted and in no table.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as replace_row

from ids.core.errors import ConfigError
from ids.core.records import digest_of
from ids.run.manifest import Manifests
from ids.run.numbers import Numbers
from ids.run.records import EditRecord, Manifest, MetricsRecord, Row
from ids.run.store import Lookup, Store


@dataclass(frozen=True)
class Entry:
    """A result as the answer to a row."""

    record: EditRecord
    row: Row
    numbers: MetricsRecord  # of this edit on this row's case

    @property
    def uses_prompts(self) -> bool:
        """Does it depend on the prompts?"""
        return self.record.prompts is not None


@dataclass(frozen=True)
class ResultGroup:
    """One data set on one backbone: only within one are results compared."""

    title: str
    manifest: Manifest
    backbone: str
    entries: Sequence[Entry]

    def only(self, entries: Iterable[Entry]) -> "ResultGroup":
        return replace(self, entries=list(entries))

    @property
    def broken(self) -> list[Row]:
        """Rows that cannot be asked: an image or mask of theirs cannot be read."""
        return [row for row in self.manifest.rows if row.problem]

    def notes(self) -> tuple[str, ...]:
        """Where the data set lies, and which of its rows cannot be asked."""
        told = [f"{self.title}: {self.manifest.place}"] if self.manifest.place else []
        asked = [row.case for row in self.manifest.rows if row.case]
        if again := len(asked) - len(set(asked)):
            told.append(f"{again} rows ask what another row asks, and count as one case with it")
        if broken := self.broken:
            told.append(f"{len(broken)} rows cannot be edited, the first: {broken[0].problem}")
        return tuple(told)


@dataclass(frozen=True)
class Catalog:
    """Everything in a store. `orphans` belong to no row; `problems` are no results."""

    worlds: Sequence[ResultGroup]
    orphans: Sequence[EditRecord]
    problems: Sequence[Lookup]

    def notes(self) -> tuple[str, ...]:
        """What no table shows, counted."""
        told = []
        if self.orphans:
            told.append(
                f"{len(self.orphans)} results answer no row of a data set as it is now (a prompt, "
                "mask or image was changed, or the row removed); `ids results list --orphans`"
            )
        kinds = defaultdict(list)
        for look in self.problems:
            kinds[look.kind].append(look.problem)
        for kind, found in sorted(kinds.items()):
            if kind == "old":
                told.append(f"{len(found)} results of version 0.1 are not read")
            else:
                more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
                told.append(f"left out, {kind}: {found[0]}{more}; `ids results check` names all")
        return tuple(told)


def open_store(root: Path) -> Store:
    """The store of a folder that is there; `ConfigError` where there is none."""
    with suppress(OSError):  # a name that no file system takes
        if root.is_dir():
            return Store(root)
    raise ConfigError(
        f"--output-dir {str(root)[:60]}: expected a folder of results; there is none; "
        "`ids run experiments=demo` makes one in outputs"
    )


def read_catalog(store: Store) -> Catalog:
    """Of all results; their images and tensors are not read."""
    looks = [store.look(key) for key in store.all_keys()]
    looks += [Lookup("", None, problem, "misplaced") for problem in store.misplaced()]
    records = [look.record for look in looks if look.record]
    manifests = Manifests(store.root / "datasets", store.claims, store.numbers).all()
    worlds, used = join(records, manifests, store.numbers)
    orphans = [record for record in records if record.key not in used]
    return Catalog(worlds, orphans, [look for look in looks if look.problem])


def join(
    records: Sequence[EditRecord], manifests: Sequence[Manifest], numbers: Numbers
) -> tuple[list[ResultGroup], set[str]]:
    """Results by data set and backbone, and the keys of those that belong to one."""
    by_source: dict[str, list[EditRecord]] = defaultdict(list)
    for record in records:
        by_source[record.source].append(record)
    worlds: dict[tuple[int, str], ResultGroup] = {}
    entries: dict[tuple[int, str], dict[tuple[str, str], Entry]] = defaultdict(dict)
    for index, manifest in enumerate(manifests):
        for row in _united(manifest.rows):
            words = digest_of(row.words)
            for record in by_source.get(row.source, ()):
                if not _answers(record, row, words):
                    continue
                place = (index, backbone_title(record))
                worlds.setdefault(place, ResultGroup("", manifest, place[1], []))
                if (record.key, row.case) not in entries[place]:
                    known = numbers.metrics(record.key, row.case)
                    entries[place][record.key, row.case] = Entry(record, row, known)
    found = [worlds[place].only(entries[place].values()) for place in worlds]
    return _titled(found), {key for own in entries.values() for key, _ in own}


def _united(rows: Sequence[Row]) -> list[Row]:
    """One row per case, with the tags of all that ask it."""
    by_case: dict[str, Row] = {}
    for row in rows:
        if row.case:
            first = by_case.get(row.case, row)
            tags = sorted({*first.tags, *row.tags})
            by_case[row.case] = first if tags == first.tags else replace_row(first, tags=tags)
    return list(by_case.values())


def _titled(worlds: Sequence[ResultGroup]) -> list[ResultGroup]:
    """`shapes-dev-v1 on shapes 97d8e07f`; where several would share a title, with the images' size
    and a digest of the place.
    """
    plain = [f"{world.manifest.name} on {world.backbone}" for world in worlds]
    titles = [
        title
        if plain.count(title) == 1
        else f"{w.manifest.name} {digest_of([w.manifest.place, w.manifest.view])[:8]}"
        f" ({w.manifest.view}) on {w.backbone}"
        for w, title in zip(worlds, plain, strict=True)
    ]
    named = [replace(world, title=title) for world, title in zip(worlds, titles, strict=True)]
    return sorted(named, key=lambda world: world.title)


def backbone_title(record: EditRecord) -> str:
    """Its name, and enough of the weights' digest to tell two of a name apart."""
    return f"{record.backbone_name} {record.backbone.get('weights', '')[:8]}".strip()


def _answers(record: EditRecord, row: Row, words: str) -> bool:
    return (
        record.truth == row.truth if record.prompts is None else record.prompts == row.prompts
    ) and (record.words is None or digest_of(record.words) == words)
