"""What pruning spares a search in the embedded world, and whether its assumptions hold there.

    python benchmarks/search_pruning.py
    python benchmarks/search_pruning.py --trials 20 --looks 0.25 0.5

Searches with looks along the steps, with pruning by finished edits, and without pruning, in one
store: the network evaluations of each, its Pareto set, and the trials given up that belong to the
set without pruning. Then every look at every trial: means now against means of the finished edits.
Up to ten trials are sampled alike by all. About a minute of CPU.
"""

import argparse
import tempfile
from collections.abc import Iterable, Sequence

import torch

from ids.run.job import Job
from ids.search import Found, Request, open_search
from ids.search.looks import Looks
from ids.search.search import Search

WORDS = (
    *("backbone=shapes", "dataset=shapes", "dataset.split=dev", "metrics=standard"),
    *("+metric=success", "controls=none", "logger=none", "engine.batch_size=20"),
    *("method=dds", "method.n_steps=16"),
)
AXES = ("method.optimizer.lr=tag(log,interval(0.1,8))", "method.guidance_scale=interval(2,12)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--prune", type=int, default=10)
    parser.add_argument("--looks", type=float, nargs="+", default=[0.125, 0.25])
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        words = [*WORDS, *AXES, f"dataset.count={args.cases}", f"output_dir={folder}"]

        def searched(prune: int, looks: Sequence[float]) -> tuple[Search, Found]:
            request = Request(words, trials=args.trials, prune=prune, looks=looks)
            search = open_search(request)
            return search, search.run(print)

        along = searched(args.prune, args.looks)
        looked = _spent(along[0])  # the store was empty
        by_cases, whole = searched(args.prune, ()), searched(0, ())
        _report("looks along the steps", looked, along[1], whole[1])
        _report("by finished edits", _needed(*by_cases), by_cases[1], whole[1])
        _report("no pruning", _needed(*whole), whole[1], whole[1])
        _compare(*whole, args.looks)


def _spent(search: Search, among: Iterable[Job] | None = None) -> float:
    """Network forwards and backwards of the edits in the store, or of these jobs."""
    known = search.first[1].store.numbers.measurements()
    keys = known if among is None else {job.key for job in among}
    return sum(known[key].forwards + known[key].backwards for key in keys)


def _needed(search: Search, found: Found) -> float:
    """Of the edits of a search without looks along the steps."""
    jobs: list[Job] = []
    for trial in found.trials:
        built = search.build(trial)
        _, experiment = search.looks.some_cases(built) if trial.pruned else built
        jobs += experiment.jobs(experiment.method)
    return _spent(search, jobs)


def _report(name: str, nfe: float, found: Found, whole: Found) -> None:
    best = [trial.values for trial in whole.best]
    lost = [trial.number + 1 for trial in found.pruned if trial.values in best]
    early = sum("steps" in trial.reason for trial in found.pruned)
    print(
        f"{name}: {nfe:.0f} network evaluations, {len(found.pruned)} pruned ({early} along the "
        f"steps), Pareto set {[t.number + 1 for t in found.best]}, wrongly given up: {lost}"
    )


def _compare(search: Search, found: Found, fractions: Sequence[float]) -> None:
    """A line per trial and look: identity and fidelity now, the fidelity that is reached at most,
    and both at the end; means over all cases.
    """
    looks = Looks(len(search.first[1].survey().cases), fractions, search.candidates)
    for trial in found.completed:
        for one in looks.of(search.build(trial), search.space.words(trial.values))[:-1]:
            now = one.run(search.space.searched(trial.values), search.objectives)
            identity, fidelity, reached = (float(each.mean()) for each in now.case_means())
            ends = [mean.value for mean in trial.means]
            print(
                f"trial {trial.number + 1}{one.where}: identity {identity:.2f} -> {ends[0]:.2f}, "
                f"fidelity {fidelity:.2f} -> {ends[1]:.2f}, at most {max(fidelity, reached):.2f}"
            )


if __name__ == "__main__":
    main()
