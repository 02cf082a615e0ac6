"""The results of one data set and backbone as data of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ids.report.pages.embed import number
from ids.report.pages.images import ImageFolder
from ids.report.pages.inputs import PageInputs
from ids.report.pages.links import DIGITS, group_id
from ids.results.catalog import Entry, ResultGroup
from ids.results.columns import Column
from ids.results.labels import CONTROLS, in_order
from ids.run.evaluate import SEPARATOR
from ids.run.records import EditRecord, Row
from ids.run.store import IMAGE, Store


@dataclass(frozen=True)
class PageGroup:
    """A group, its frame (a line per entry, then one per row that cannot be edited and label) and
    its columns.
    """

    group: ResultGroup
    lines: pd.DataFrame
    columns: Sequence[Column]

    @property
    def labels(self) -> list[str]:
        """Of the settings, in order."""
        return in_order(self.lines["label"])

    @property
    def labels_of_lines(self) -> list[str]:
        """Of each line."""
        return list(self.lines["label"].tolist())

    @property
    def id(self) -> str:
        """What a link names the group by."""
        return group_id(self.group.title)


def group_data(
    page: PageGroup, store: Store, inputs: PageInputs, images: ImageFolder
) -> dict[str, Any]:
    """Cases and results. A result is a list: label, case, seed, status, key, image, thumbnail,
    values; labels and cases are numbers of their lists, a value belongs to each column.
    """
    group, labels = page.group, page.labels
    rows = {entry.row.case: entry.row for entry in group.entries}
    place = {case: index for index, case in enumerate(rows)}
    stand_ins = _controls(group, images, store)
    number_of = {label: index for index, label in enumerate(labels)}
    values = page.lines[[column.key for column in page.columns]].to_numpy(float)
    names = [edited_image(entry.record, store, images) for entry in group.entries]
    small, digits = images.thumbnails(names), [column.digits for column in page.columns]
    results = []
    for entry, label, numbers, *pair in zip(
        group.entries, page.labels_of_lines, values, names, small, strict=False
    ):
        cells = [number(x, n) for x, n in zip(numbers.tolist(), digits, strict=True)]
        results.append([number_of[label], place[entry.row.case], *_facts(entry), *pair, cells])
    return {
        "id": page.id,
        "title": group.title,
        "dataset": group.manifest.name,
        "labels": labels,
        "commands": _commands(page, inputs.commands),
        "columns": [_column(column, group.entries) for column in page.columns],
        "cases": [_case(row, group, inputs, images, stand_ins) for row in rows.values()],
        "results": results,
    }


def _facts(entry: Entry) -> list[Any]:
    """Seed, status, key."""
    record = entry.record
    reason = record.status if record.status == "ok" else f"{record.status}: {record.reason}"
    return [record.seed, reason, record.key[:DIGITS]]


def edited_image(record: EditRecord, store: Store, images: ImageFolder) -> str:
    """The name of the image of an edit; empty without one."""
    stamp = record.files.get(IMAGE)
    if record.status != "ok" or stamp is None:
        return ""
    return images.link(store.folder(record.key) / IMAGE, stamp.sha256)


def _controls(
    group: ResultGroup, images: ImageFolder, store: Store
) -> Mapping[tuple[str, str], str]:
    """Images of the null edit and the true edit, by name and case: what stands in for a source or
    a truth that cannot be read any more.
    """
    return {
        (entry.record.name, entry.row.case): edited_image(entry.record, store, images)
        for entry in group.entries
        if entry.record.name in CONTROLS
    }


def _case(
    row: Row,
    group: ResultGroup,
    inputs: PageInputs,
    images: ImageFolder,
    stand_ins: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    case, view = inputs.cases.get(row.case), group.manifest.view
    source = images.source(case.source if case else None, view)
    truth = images.source(case.truth if case else None, view)
    shown = source or stand_ins.get(("null_edit", row.case), "")
    true = truth or stand_ins.get(("true_edit", row.case), "")
    return {
        "case": row.case[:DIGITS],
        "id": row.id,
        "prompts": list(row.prompts),
        "instruction": row.instruction,
        "tags": row.tags,
        "source": [shown, images.thumbnail(shown)],
        "decoded": bool(shown and not source),  # an autoencoder's round trip of the source
        "truth": [true, images.thumbnail(true)],
        "mask": images.mask(case.mask if case else None, view),
    }


def _column(column: Column, entries: Sequence[Entry]) -> dict[str, Any]:
    weights = {
        value.weights
        for entry in entries
        for key, value in entry.numbers.values.items()
        if value.weights and key.split("@")[0] == column.key.split(SEPARATOR)[0]
    }
    return {
        "key": column.key,
        "title": column.title,
        "digits": column.digits,
        "better": column.better,
        "unit": column.unit,
        "measured": column.measured,
        "weights": sorted(weights),
    }


def _commands(page: PageGroup, commands: Mapping[str, str]) -> list[str]:
    """The command of each label; empty where none is known."""
    found: dict[str, str] = {}
    for entry, label in zip(page.group.entries, page.labels_of_lines, strict=False):
        found[label] = found.get(label) or commands.get(entry.record.setting, "")
    return [found.get(label, "") for label in page.labels]
