"""Equal parts of many records, each kept in memory once: edits of one setting differ in little."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from ids.run.records import EditRecord, MetricsRecord, MetricValue

T = TypeVar("T")
OF_EDITS: tuple[str, ...] = (
    "name",
    "setting",
    "method",
    "backbone_name",
    "backbone",
    "representation",
)
OF_EDITS += ("revisions", "code", "source", "prompt_src", "prompt_trg", "environment")


@dataclass(frozen=True)
class EqualParts:
    """Replaces the parts of records, as they are read, by equal parts of earlier ones. The records
    must not be changed afterwards.
    """

    _known: dict[tuple[type, str | bytes], Any] = field(default_factory=dict, repr=False)

    def of_edit(self, record: EditRecord) -> EditRecord:
        """The same record."""
        for name in OF_EDITS:  # set, not replaced: the names of its method are today's already
            force_setattr(record, name, self._one(getattr(record, name)))
        force_setattr(record, "files", {self._one(n): stamp for n, stamp in record.files.items()})
        return record

    def of_metrics(self, record: MetricsRecord) -> MetricsRecord:
        """The same record."""
        values = {self._one(key): self._value(value) for key, value in record.values.items()}
        force_setattr(record, "values", values)
        for origin in record.origins:
            force_setattr(origin, "metrics", self._one(origin.metrics))
            force_setattr(origin, "environment", self._one(origin.environment))
        return record

    def _value(self, value: MetricValue) -> MetricValue:
        for name in ("unit", "title", "weights"):
            force_setattr(value, name, self._one(getattr(value, name)))
        return value

    def _one(self, part: T) -> T:
        content = part if isinstance(part, str) else msgspec.json.encode(part)
        one: T = self._known.setdefault((type(part), content), part)
        return one
