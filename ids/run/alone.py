"""A sweep of one experiment, or units of any sweep, in this process."""

from collections.abc import Iterator
from pathlib import Path

from ids.core.storage import storing
from ids.log.progress import RunProgress
from ids.run.execute import Outcome
from ids.run.experiment import Experiment
from ids.run.follower import UNFOLLOWED, Follower
from ids.run.sweep import Sweep
from ids.run.unit import Unit
from ids.run.work import Worker


def run_alone(
    experiment: Experiment,
    folder: Path,
    progress: RunProgress | None = None,
    follower: Follower = UNFOLLOWED,
) -> list[Outcome]:
    """One experiment in this process; its outcomes. Raises the error that breaks it off."""
    if progress is None:
        with RunProgress() as bars:
            return run_alone(experiment, folder, bars, follower)
    labels = {0: experiment.method.name}
    sweep = Sweep({0: experiment}, {0: folder}, labels, progress, follower=follower)
    try:
        with storing(experiment.store.root):
            experiment.session.open(experiment.store)
            sweep.run(do_here)
    finally:
        experiment.store.close()
    if sweep.errors:
        raise sweep.errors[0]
    return sweep.outcomes.get(0, [])


def do_here(sweep: Sweep, units: Iterator[Unit]) -> bool:
    """Do units in this process."""
    worker = Worker(
        sweep.experiments.__getitem__, sweep.report, sweep.broke, sweep.folders.__getitem__
    )
    for unit in units:
        worker(unit)
    return False
