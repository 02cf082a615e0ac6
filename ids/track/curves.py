"""Mean curves over edits, summed as the edits finish: every file is read once."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ids.core.numbers import to_float
from ids.results.catalog import Entry
from ids.run.edit import curve_columns
from ids.run.evaluate import metric_columns
from ids.run.store import Store


@dataclass
class MeanCurves:
    """Sums over edits of one setting."""

    store: Store
    _sums: dict[str, Tensor] = field(default_factory=dict)
    _edits: set[str] = field(default_factory=set)

    def add(self, entries: Sequence[Entry]) -> None:
        """Count edits, each once."""
        for entry in entries:
            if entry.record.key in self._edits:
                continue
            self._edits.add(entry.record.key)
            for name, curve in self.store.trace(entry.record.key).curves.items():
                value = curve.double()
                self._sums[name] = self._sums[name] + value if name in self._sums else value

    def means(self, entries: Sequence[Entry]) -> list[dict[str, float]]:
        """Per step, the means over the edits that were added, and of the metrics at the kept states
        of `entries` (`along/psnr`).
        """
        if not self._sums:
            return []
        means = {name: total / len(self._edits) for name, total in self._sums.items()}
        columns, along = curve_columns(means), _mean_along(entries)
        return [
            {name: values[step] for name, values in columns.items()} | along.get(step + 1, {})
            for step in range(len(next(iter(columns.values()))))
        ]


def _mean_along(entries: Sequence[Entry]) -> dict[int, dict[str, float]]:
    """Step -> mean of each metric over the edits with a finite value after that step, and how many
    are infinite, as `along/psnr_infinite`.
    """
    found: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    columns = metric_columns(entry.numbers.along for entry in entries)
    for numbers in (entry.numbers for entry in entries):
        for key, name in columns.items():
            for step, value in zip(numbers.steps, numbers.along.get(key, ()), strict=False):
                if not math.isnan(number := to_float(value)):
                    found[step][f"along/{name}"].append(number)
    return {step: _means(of_step) for step, of_step in found.items()}


def _means(columns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    means: dict[str, float] = {}
    for name, values in columns.items():
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            means[name] = sum(finite) / len(finite)
        if len(finite) < len(values):
            means[f"{name}_infinite"] = float(len(values) - len(finite))
    return means
