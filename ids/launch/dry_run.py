"""What a command would do, and what that costs. Nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ids.config.entry import Prepared
from ids.core.errors import IdsError
from ids.core.storage import free_bytes
from ids.core.text import duration
from ids.core.unexpected import line, unexpected
from ids.launch.command import find_launcher
from ids.run.costs import Costs, bytes_per_edit
from ids.run.cut import Bounds
from ids.run.experiment import Experiment
from ids.run.plan import Part, plan_sweep
from ids.run.units import costs_here, cut_plan, device_name


def dry_run(prepared: Prepared) -> Iterator[str]:
    """Lines: settings, jobs, present, to do, units, estimated NFE, time and disk."""
    _, bounds = find_launcher([setting for setting, _ in prepared.ready])
    experiments = {n: experiment for n, (_, experiment) in enumerate(prepared.ready)}
    plan = plan_sweep(experiments)
    doable = [part for part in plan.parts if not part.unsupported]
    jobs = {job.name for part in plan.parts for job in part.jobs}
    todo = {job.name for part in doable for job in part.todo}
    n_edits = sum(len(part.edits) for part in doable)
    n_judged = sum(len(part.judged) for part in doable)
    refused = {job.name for part in plan.parts if part.unsupported for job in part.edits}
    yield f"settings   {len(experiments)}"
    yield f"jobs       {len(jobs)}"
    yield f"present    {len(jobs - todo - refused)}"
    yield f"to do      {n_edits} edits" + (f", {n_judged} lack metrics" if n_judged else "")
    if refused:
        yield f"not done   {len(refused)}: their backbone cannot run the method"
    yield f"units      {len(cut_plan(plan.parts, experiments, bounds))}"
    yield from _costs(doable, experiments, bounds)
    for number, error in plan.errors.items():
        known = error if isinstance(error, IdsError) else unexpected(error)
        yield f"refused    {line(known)} (setting {number + 1})"


def _costs(
    parts: Sequence[Part], experiments: Mapping[int, Experiment], bounds: Bounds
) -> Iterator[str]:
    busy = [part for part in parts if part.edits]
    costs = costs_here(parts, experiments)
    nfe = sum(costs.nfe(part) * len(part.edits) for part in busy)
    disk = sum(bytes_per_edit(p, experiments[p.setting]) * len(p.edits) for p in busy)
    yield f"NFE        about {nfe:,.0f}"
    yield f"time       {_time(busy, costs, experiments, bounds)}"
    yield f"disk       {_disk(disk, next(iter(experiments.values())).store.root)}"


def _disk(needed: float, folder: Path) -> str:
    """Of edits alone: models and data sets are there before the run."""
    free = free_bytes(folder)
    short = ": too little" if needed > free else ""
    return f"about {needed / 1e6:,.1f} MB of {free / 1e6:,.1f} MB that are free{short}"


def _time(
    busy: Sequence[Part], costs: Costs, experiments: Mapping[int, Experiment], bounds: Bounds
) -> str:
    """Of edits alone, without loading and metrics."""
    if not busy:
        return "none"
    device = device_name(experiments[busy[0].setting])
    known = [(part, seconds) for part in busy if (seconds := costs.seconds(part)) is not None]
    if len(known) < len(busy):
        return f"unknown: no measurement of this device ({device}) in the store"
    seconds = sum(seconds * len(part.edits) for part, seconds in known) / bounds.workers
    workers = f", {bounds.workers} workers" if bounds.workers > 1 else ""
    return f"about {duration(seconds)} on {device}{workers}"
