"""The card of a set of results: how its numbers were made, read from the stored records alone."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ids.core.numbers import Number, to_float
from ids.results.catalog import ResultGroup
from ids.results.environments import (
    Counts,
    distinct_records,
    environment_facts,
    in_words,
    metric_environments,
    mixed,
    unknown,
)
from ids.results.labels import in_order, setting_labels, setting_values
from ids.run.records import EditRecord, Manifest, MetricValue
from ids.run.store import Store


@dataclass(frozen=True)
class DatasetFacts:
    """A data set as it was read last. `content` is the digest of its cases, `view` how its images
    are brought to their size. `unusable` rows cannot be edited.
    """

    name: str
    place: str
    view: str
    content: str
    rows: int
    unusable: int
    read: str

    @staticmethod
    def of(manifest: Manifest) -> "DatasetFacts":
        """The facts in a manifest."""
        return DatasetFacts(
            manifest.name,
            manifest.place,
            manifest.view,
            manifest.content,
            rows=len(manifest.rows),
            unusable=sum(bool(row.problem) for row in manifest.rows),
            read=moment(manifest.seen),
        )


@dataclass(frozen=True)
class SettingFacts:
    """A method with all its values, and its edits by status."""

    edits: Counts
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricFacts:
    """A metric by its key: `revision` of its definition, `weights` of its network, and the number
    of edits whose value is a number, undefined or infinite.
    """

    title: str
    unit: str
    revision: int
    weights: str
    values: Counts


@dataclass(frozen=True)
class Card:
    """How the results of one data set on one backbone were made. `environments` are facts about
    the `edits` and about the `metrics`: fact -> value -> number of edits. `seconds` of editing,
    summed over the `timed` edits, without warm-up, decoding and saving.
    """

    title: str
    dataset: DatasetFacts
    backbone: Mapping[str, str]
    settings: Mapping[str, SettingFacts]
    metrics: Mapping[str, MetricFacts]
    environments: Mapping[str, Mapping[str, Counts]]
    edits: Counts
    seeds: Sequence[int]
    first: str
    last: str
    seconds: float
    timed: int
    notes: Sequence[str]


def card_of(group: ResultGroup, store: Store, title: str = "") -> Card:
    """The card of these results. Reads the measurements of the store."""
    records = distinct_records(group.entries)
    done = [record for record in records if record.status == "ok"]
    measured = store.numbers.measurements()
    seconds = [measured[record.key].seconds for record in done if record.key in measured]
    made = [record.made for record in records]
    environments = {
        "edits": environment_facts(record.environment for record in done),
        "metrics": metric_environments(group.entries),
    }
    return Card(
        title=title or group.title,
        dataset=DatasetFacts.of(group.manifest),
        backbone=_backbone(records),
        settings=_settings(records),
        metrics=metric_facts(entry.numbers.values for entry in group.entries),
        environments=environments,
        edits=dict(Counter(record.status for record in records)),
        seeds=sorted({record.seed for record in records if record.seed is not None}),
        first=moment(min(made)) if made else "",
        last=moment(max(made)) if made else "",
        seconds=math.fsum(seconds),
        timed=len(seconds),
        notes=(*mixed(environments), *unknown(environments)),
    )


def metric_facts(values: Iterable[Mapping[str, MetricValue]]) -> dict[str, MetricFacts]:
    """Of the numbers of several edits, by metric key."""
    found: dict[str, list[MetricValue]] = defaultdict(list)
    for numbers in values:
        for key, value in numbers.items():
            found[key].append(value)
    return {key: _metric(key, numbers) for key, numbers in sorted(found.items())}


def moment(seconds: float) -> str:
    """Seconds since 1970 as a time of UTC, such as `2026-01-31 14:05:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _backbone(records: Sequence[EditRecord]) -> dict[str, str]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for key, value in {"name": record.backbone_name, **record.backbone}.items():
            found[key][value] += 1
    return {key: in_words(values) for key, values in found.items()}


def _settings(records: Sequence[EditRecord]) -> dict[str, SettingFacts]:
    labels = setting_labels(records)
    found: dict[str, list[EditRecord]] = defaultdict(list)
    for record in records:
        found[labels[record.setting]].append(record)
    return {
        label: SettingFacts(
            dict(Counter(record.status for record in found[label])),
            setting_values(found[label][0]),
        )
        for label in in_order(found)
    }


def _metric(key: str, numbers: Sequence[MetricValue]) -> MetricFacts:
    name, _, rest = key.partition("@")
    revision, _, weights = rest.partition(":")
    return MetricFacts(
        numbers[0].title or name,
        numbers[0].unit,
        int(revision),
        weights,
        dict(Counter(_kind(number.value) for number in numbers)),
    )


def _kind(number: Number) -> str:
    value = to_float(number)
    if math.isnan(value):
        return "undefined"
    return "infinite" if math.isinf(value) else "defined"
