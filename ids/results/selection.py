"""Which results a command is about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import ConfigError
from ids.results.catalog import Catalog, Entry, ResultGroup
from ids.results.labels import matches, setting_values
from ids.run.records import EditRecord, Row


@dataclass(frozen=True)
class Selection:
    """Results of data sets whose name starts with `dataset`, of these `methods`, of cases with this
    `tag` and an id that the regular expression `case` finds, of settings that fulfil every
    condition of `where` (`guidance_scale=3`); empty selects all. Null and true edit have no such
    values, and stay. Only `columns` are shown.
    """

    output_dir: Path
    dataset: str = ""
    methods: Sequence[str] = ()
    tag: str = ""
    where: Sequence[str] = ()
    columns: Sequence[str] = ()
    case: str = ""

    def groups(self, catalog: Catalog, strict: bool = False) -> list[ResultGroup]:
        """The selected results of each data set; data sets without any are left out. With `strict`,
        a condition also leaves out the edits that use no prompts. `ConfigError` for a condition
        that no setting fulfils, and for a `case` that is no regular expression.
        """
        self._check_case()
        found = [
            group.with_entries(e for e in group.entries if self._selects(group, e))
            for group in catalog.groups
        ]
        fitting = self._fitting(found)
        controls = not (strict and self.where)
        kept = [
            group.with_entries(
                e
                for e in group.entries
                if e.record.setting in fitting or (controls and not e.uses_prompts)
            )
            for group in found
        ]
        return [group for group in kept if group.entries]

    def broken(self, group: ResultGroup) -> list[Row]:
        """The selected rows of a group that cannot be edited."""
        return [row for row in group.broken if self._selects_row(row)]

    def orphans(self, catalog: Catalog) -> list[EditRecord]:
        """Results of no row, by method and values: they have no data set and no tags."""
        if self.dataset or self.tag or self.case:
            raise ConfigError(
                "--orphans: expected without --dataset, --tag and --case, which orphans do not "
                "have; remove them"
            )
        return [
            record
            for record in catalog.orphans
            if (not self.methods or record.name in self.methods)
            and all(matches(setting_values(record), condition) for condition in self.where)
        ]

    def describe(self) -> str:
        """The selection in words, for titles and file names; empty for all results."""
        parts = [*self.methods, self.tag, *self.where, f"case {self.case}" if self.case else ""]
        return ", ".join(part for part in parts if part)

    def _selects(self, group: ResultGroup, entry: Entry) -> bool:
        return (
            group.manifest.name.startswith(self.dataset)
            and (not self.methods or entry.record.name in self.methods)
            and self._selects_row(entry.row)
        )

    def _selects_row(self, row: Row) -> bool:
        return (not self.tag or self.tag in row.tags) and (
            not self.case or re.search(self.case, row.id) is not None
        )

    def _check_case(self) -> None:
        try:
            re.compile(self.case)
        except re.error as error:
            raise ConfigError(
                f"--case {self.case[:60]}: expected a regular expression; got {error}; change it"
            ) from error

    def _fitting(self, groups: Sequence[ResultGroup]) -> set[str]:
        """Keys of the settings that fulfil every condition."""
        entries = [entry for group in groups for entry in group.entries if entry.uses_prompts]
        values = {e.record.setting: e.record for e in entries}
        settings = {key: setting_values(record) for key, record in values.items()}
        fitting = set(settings)
        for condition in self.where:
            having = {key for key, flat in settings.items() if matches(flat, condition)}
            if not having:
                raise ConfigError(
                    f"--where {condition}: expected a value of some setting; got none that has "
                    "it; `ids results export` shows all values"
                )
            fitting &= having
        return fitting
