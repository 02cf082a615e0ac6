"""Stored results, without a sweep, as a logger gets them: `ids log`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ids.core.logs import Logger
from ids.core.records import EditCase
from ids.results.catalog import Entry, ResultGroup
from ids.results.labels import in_order, setting_labels
from ids.run.records import EditRecord
from ids.run.store import Store
from ids.track.feed import Feed
from ids.track.tracked import Tracked, dataset_digest


@dataclass(frozen=True)
class Origins:
    """What runs of a store know beyond its results: the composed configuration of a setting, by
    its key and the name of its data set; cases with images, by digest. Both may lack anything.
    """

    configs: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    cases: Mapping[str, EditCase] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """What a logger got of a setting: edits that were new to it, of all that exist. `busy`: another
    process logs this setting.
    """

    label: str
    dataset: str
    new: int
    edits: int
    busy: bool


def log_stored(
    groups: Sequence[ResultGroup], store: Store, logger: Logger, origins: Origins
) -> Iterator[Logged]:
    """Give a logger what it lacks of these results, one setting after another. Raises whatever the
    logger raises.
    """
    for tracked in stored_settings(groups, store, origins):
        feed = Feed(tracked, logger)
        try:
            done = feed.complete()
        finally:
            feed.close()
        yield Logged(tracked.label, tracked.group, feed.logged, len(tracked.names), not done)


def stored_settings(
    groups: Sequence[ResultGroup], store: Store, origins: Origins
) -> Iterator[Tracked]:
    """The settings of these results, in the order of tables."""
    labels = setting_labels(entry.record for group in groups for entry in group.entries)
    for group in groups:
        of_setting: dict[str, list[Entry]] = {}
        for entry in group.entries:
            of_setting.setdefault(entry.record.setting, []).append(entry)
        order = in_order(labels[key] for key in of_setting)
        for key in sorted(of_setting, key=lambda key: (order.index(labels[key]), key)):
            yield _tracked(group, of_setting[key], labels[key], store, origins)


def _tracked(
    group: ResultGroup, entries: Sequence[Entry], label: str, store: Store, origins: Origins
) -> Tracked:
    record, dataset = entries[0].record, group.manifest
    config = origins.configs.get((record.setting, dataset.name)) or _config(record, dataset.name)
    return Tracked(
        name=record.name,
        label=label,
        kind="method" if entries[0].uses_prompts else "control",
        key=record.setting,
        dataset=dataset_digest(dataset.name, dataset.place, dataset.view),
        group=f"{dataset.name} on {record.backbone_name}",
        config=lambda: config,
        store=store,
        names=[(entry.record.key, entry.row.case) for entry in entries],
        metrics=sorted({key for entry in entries for key in entry.numbers.values}),
        rows={entry.row.case: entry.row for entry in entries},
        cases=origins.cases,
    )


def _config(record: EditRecord, dataset: str) -> dict[str, Any]:
    """What a result itself knows of its configuration."""
    return {
        "method": dict(record.method),
        "backbone": {"name": record.backbone_name, **record.backbone},
        "dataset": {"name": dataset},
        "keep_every": record.keep_every,
    }
