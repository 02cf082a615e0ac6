"""The results of a store, joined with the data sets they belong to.

A result knows no data set. It belongs to every row, of the newest manifest of a data set, whose
edit it is: the same source image, and the same prompts, words and true edit where it depends on
them. Results that belong to no row (a prompt was corrected, say) are counted and in no table.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as replace_row

from ids.core.errors import ConfigError
from ids.core.records import digest_of
from ids.core.text import counted
from ids.results.equal_parts import EqualParts
from ids.run.manifest import Manifests
from ids.run.numbers import Numbers
from ids.run.records import EditRecord, Manifest, MetricsRecord, Row
from ids.run.store import Lookup, Store


@dataclass(frozen=True)
class Entry:
    """A result of a row, and its numbers on the row's case."""

    record: EditRecord
    row: Row
    numbers: MetricsRecord

    @property
    def uses_prompts(self) -> bool:
        """Does the edit depend on the prompts? Null and true edit do not."""
        return self.record.prompts is not None


@dataclass(frozen=True)
class ResultGroup:
    """The results of one data set on one backbone. Results are compared within a group only."""

    title: str
    manifest: Manifest
    backbone: str
    entries: Sequence[Entry]

    def with_entries(self, entries: Iterable[Entry]) -> "ResultGroup":
        """The group with these results alone."""
        return replace(self, entries=list(entries))

    @property
    def broken(self) -> list[Row]:
        """Rows without an edit: their image or mask cannot be read."""
        return [row for row in self.manifest.rows if row.problem]

    def notes(self) -> tuple[str, ...]:
        """Where the data set is, its repeated rows, and its rows that cannot be edited."""
        notes = [f"{self.title}: {self.manifest.place}"] if self.manifest.place else []
        cases = [row.case for row in self.manifest.rows if row.case]
        if repeated := len(cases) - len(set(cases)):
            rows = counted(repeated, "row repeats", "rows repeat")
            notes.append(f"{rows} another row: one case with it")
        if broken := self.broken:
            rows = counted(len(broken), "row")
            notes.append(f"{rows} cannot be edited, the first: {broken[0].problem}")
        return tuple(notes)


@dataclass(frozen=True)
class Catalog:
    """Everything in a store. `orphans` belong to no row; `problems` are files without a result."""

    groups: Sequence[ResultGroup]
    orphans: Sequence[EditRecord]
    problems: Sequence[Lookup]

    def notes(self) -> tuple[str, ...]:
        """The files that no table shows, counted."""
        notes = []
        if self.orphans:
            notes.append(
                f"{counted(len(self.orphans), 'result answers', 'results answer')} no row of a "
                "current data set (a prompt, mask or image was changed, or the row removed); "
                "`ids results list --orphans`"
            )
        kinds = defaultdict(list)
        for look in self.problems:
            kinds[look.kind].append(look.problem)
        for kind, found in sorted(kinds.items()):
            if kind == "old":
                verb = "is" if len(found) == 1 else "are"
                notes.append(f"{counted(len(found), 'result')} of version 0.1 {verb} not read")
            else:
                more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
                notes.append(f"left out, {kind}: {found[0]}{more}; `ids results check` names all")
        return tuple(notes)


def open_store(root: Path) -> Store:
    """The store of an existing folder; `ConfigError` where no such folder exists."""
    with suppress(OSError):  # a name that no file system takes
        if root.is_dir():
            return Store(root)
    raise ConfigError(
        f"--output-dir {str(root)[:60]}: expected a folder of results; found none; "
        "`ids run experiments=demo` makes one in outputs"
    )


def read_catalog(store: Store) -> Catalog:
    """Of all results; their images and tensors are not read."""
    shared, records, problems = EqualParts(), [], []
    for look in map(store.look, store.all_keys()):
        if look.record:
            records.append(shared.of_edit(look.record))
        else:
            problems.append(look)
    problems += [Lookup("", None, problem, "misplaced") for problem in store.misplaced()]
    manifests = Manifests(store.root / "datasets", store.claims, store.numbers).all()
    groups, used = join(records, manifests, store.numbers)
    orphans = [record for record in records if record.key not in used]
    return Catalog(groups, orphans, [look for look in problems if look.problem])


def join(
    records: Sequence[EditRecord], manifests: Sequence[Manifest], numbers: Numbers
) -> tuple[list[ResultGroup], set[str]]:
    """Results by data set and backbone, and the keys of those that belong to one."""
    by_source: dict[str, list[EditRecord]] = defaultdict(list)
    shared = EqualParts()
    for record in records:
        by_source[record.source].append(record)
    groups: dict[tuple[int, str], ResultGroup] = {}
    entries: dict[tuple[int, str], dict[tuple[str, str], Entry]] = defaultdict(dict)
    for index, manifest in enumerate(manifests):
        for row in _united(manifest.rows):
            words = digest_of(row.words)
            for record in by_source.get(row.source, ()):
                if not _belongs(record, row, words):
                    continue
                place = (index, backbone_title(record))
                groups.setdefault(place, ResultGroup("", manifest, place[1], []))
                if (record.key, row.case) not in entries[place]:
                    known = shared.of_metrics(numbers.metrics(record.key, row.case))
                    entries[place][record.key, row.case] = Entry(record, row, known)
    found = [groups[place].with_entries(entries[place].values()) for place in groups]
    return _titled(found), {key for pairs in entries.values() for key, _ in pairs}


def backbone_title(record: EditRecord) -> str:
    """The backbone's name and eight digits of its weights' digest."""
    return f"{record.backbone_name} {record.backbone.get('weights', '')[:8]}".strip()


def _united(rows: Sequence[Row]) -> list[Row]:
    """One row per case, with the tags of all rows of that case."""
    by_case: dict[str, Row] = {}
    for row in rows:
        if row.case:
            first = by_case.get(row.case, row)
            tags = sorted({*first.tags, *row.tags})
            by_case[row.case] = first if tags == first.tags else replace_row(first, tags=tags)
    return list(by_case.values())


def _titled(groups: Sequence[ResultGroup]) -> list[ResultGroup]:
    """`shapes-dev-v1 on shapes 97d8e07f`; groups that would share a title also have a digest of the
    place and the images' size in theirs.
    """
    plain = [f"{group.manifest.name} on {group.backbone}" for group in groups]
    titles = [
        title
        if plain.count(title) == 1
        else f"{g.manifest.name} {digest_of([g.manifest.place, g.manifest.view])[:8]}"
        f" ({g.manifest.view}) on {g.backbone}"
        for g, title in zip(groups, plain, strict=True)
    ]
    titled = [replace(group, title=title) for group, title in zip(groups, titles, strict=True)]
    return sorted(titled, key=lambda group: group.title)


def _belongs(record: EditRecord, row: Row, words: str) -> bool:
    return (
        record.truth == row.truth if record.prompts is None else record.prompts == row.prompts
    ) and (record.words is None or digest_of(record.words) == words)
