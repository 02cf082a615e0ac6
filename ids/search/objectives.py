"""The two numbers that a search improves, and their means over the cases of a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ids.core.errors import ConfigError
from ids.core.numbers import to_float
from ids.core.protocols import BoundedMetric, Metric
from ids.core.text import counted
from ids.results.columns import Column
from ids.results.grids import Estimate
from ids.results.omissions import Reason
from ids.results.statistics import Edits, mean_cells
from ids.run.evaluate import metric_key
from ids.run.experiment import Experiment
from ids.run.job import Job
from ids.run.records import MetricValue


class TrialError(Exception):
    """A setting that has no means: its edits failed, or its numbers are missing."""


@dataclass(frozen=True)
class Objectives:
    """The columns of identity and of prompt fidelity; each has a direction. No fidelity is better
    than `best_fidelity`; None where it has no such value.
    """

    identity: Column
    fidelity: Column
    best_fidelity: float | None = None

    @property
    def columns(self) -> tuple[Column, Column]:
        """Identity, then fidelity."""
        return self.identity, self.fidelity

    @property
    def directions(self) -> list[str]:
        """As Optuna names them."""
        return ["maximize" if column.better > 0 else "minimize" for column in self.columns]


def find_objectives(experiment: Experiment, identity: str, fidelity: str) -> Objectives:
    """The metrics of these names. `ConfigError` for one that the experiment does not compute, or
    that has no direction.
    """
    if identity == fidelity:
        raise ConfigError(
            f"--fidelity: expected another metric than --identity; got {fidelity} twice; choose two"
        )
    columns = (
        _column(experiment, "--identity", identity),
        _column(experiment, "--fidelity", fidelity),
    )
    metric = next(one for one in experiment.metrics.values() if one.name == fidelity)
    return Objectives(*columns, metric.best if isinstance(metric, BoundedMetric) else None)


def _column(experiment: Experiment, flag: str, name: str) -> Column:
    directed = [m for m in experiment.metrics.values() if m.higher_is_better is not None]
    for metric in directed:
        if metric.name == name:
            better = 1 if metric.higher_is_better else -1
            return Column(name, metric.title, metric.digits, better, metric.unit)
    known = ", ".join(sorted(metric.name for metric in directed)) or "none"
    raise ConfigError(
        f"{flag}: expected a metric of this run with a better direction ({known}); got "
        f"{name[:60]}; name one, or add one by +metric=NAME"
    )


def means(experiment: Experiment, objectives: Objectives) -> list[Estimate]:
    """The means over cases of the finished edits of a setting, with their intervals. `TrialError`
    where an edit failed, or a number is infinite or was not computed: a mean over the other cases
    could not be compared.
    """
    jobs = experiment.jobs(experiment.method)
    (cells,) = mean_cells([edits_of(experiment, jobs, objectives)], "bootstrap")
    for column, cell in zip(objectives.columns, cells, strict=True):
        left = cell.left_out
        if left.infinite or left.not_computed or not cell.n:
            raise TrialError(f"{column.key}: expected a number per case; {left}")
    return cells


def edits_of(experiment: Experiment, jobs: Sequence[Job], objectives: Objectives) -> Edits:
    """Both objectives of edits of a setting; cases are numbered by their digests. `TrialError`
    where an edit failed.
    """
    _check_finished(experiment, jobs)
    metrics = _metrics(experiment, objectives)
    numbers = experiment.store.numbers
    found = [_numbers(numbers.metrics(j.key, j.case.digest).values, metrics) for j in jobs]
    values = np.array([[value for value, _ in line] for line in found])
    reasons = np.array([[reason for _, reason in line] for line in found])
    _, cases = np.unique([job.case.digest for job in jobs], return_inverse=True)
    seeds = np.array([-1 if job.seed is None else job.seed for job in jobs])
    return Edits(cases, seeds, values, reasons)


def _check_finished(experiment: Experiment, jobs: Sequence[Job]) -> None:
    records = [experiment.store.look(job.key, files=False).record for job in jobs]
    bad = [r.reason if r else "not edited" for r in records if r is None or r.status != "ok"]
    if bad:
        raise TrialError(f"{len(bad)} of {counted(len(jobs), 'edit')} failed: {bad[0]}")


def _metrics(experiment: Experiment, objectives: Objectives) -> list[Metric]:
    by_name = {metric.name: metric for metric in experiment.metrics.values()}
    return [by_name[column.key] for column in objectives.columns]


def _numbers(
    known: Mapping[str, MetricValue], metrics: Sequence[Metric]
) -> list[tuple[float, Reason]]:
    """A value and the reason why it is not finite, per metric."""
    found = []
    for metric in metrics:
        stored = known.get(metric_key(metric))
        value = np.nan if stored is None else to_float(stored.value)
        if stored is None:
            reason = Reason.NOT_COMPUTED
        elif np.isnan(value):
            reason = Reason.UNDEFINED
        else:
            reason = Reason.INFINITE if np.isinf(value) else Reason.FINITE
        found.append((value, reason))
    return found
