"""Cost of planning a sweep: time per job, nothing done and everything done.

    python benchmarks/planning.py                  10,000 jobs
    python benchmarks/planning.py --jobs 2000

CPU seconds of one thread, and the memory that the plan adds.
"""

import argparse
import resource
import tempfile
import time

import torch

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.records import Edited
from ids.run import Experiment
from ids.run.cut import Bounds
from ids.run.plan import Plan, plan_sweep
from ids.run.records import MetricsRecord, MetricValue
from ids.run.units import cut_plan

WORDS = ("debug=fast", "controls=none", "logger=none", "limit=null")
SEEDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=10_000)
    count = parser.parse_args().jobs
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        words = [*WORDS, f"dataset.count={count // SEEDS}", f"seeds={list(range(SEEDS))}"]
        (setting,) = compose_all([*words, f"output_dir={folder}"])
        experiments = {0: build_experiment(setting)}
        experiments[0].survey()  # reading the images is not planning
        plan = _timed("nothing present", experiments, count)
        _fill(plan, experiments[0])
        _timed("all present", experiments, count)


def _timed(what: str, experiments: dict[int, Experiment], count: int) -> Plan:
    before, memory = time.process_time(), _peak()
    plan = plan_sweep(experiments)
    units = cut_plan(plan.parts, experiments, Bounds())
    spent = 1000 * (time.process_time() - before) / count
    print(f"{what}: {spent:.3f} ms per job, {len(units)} units, {_peak() - memory:.0f} MB more")
    return plan


def _fill(plan: Plan, experiment: Experiment) -> None:
    """A result and numbers for every job."""
    z = torch.zeros(1, 2, 2)
    edited = Edited(torch.zeros(3, 8, 8), z, z)
    values = {key: MetricValue(1.0, "", True) for key in experiment.metric_keys()}
    for job in plan.parts[0].jobs:
        experiment.store.put(job, edited, {}, {})
        record = MetricsRecord(key=job.key, case=job.case.digest, values=values)
        experiment.store.numbers.add_metrics(record)
    experiment.store.close()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
