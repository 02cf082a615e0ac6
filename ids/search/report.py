"""The Pareto set of a search as tables and a figure."""

from collections.abc import Sequence
from pathlib import Path

from ids.core.text import counted
from ids.report.console import open_console, say
from ids.report.pareto_figure import Means, draw_pareto
from ids.report.render import print_report
from ids.report.write import write_report
from ids.results.grids import Estimate, Grid, Report, Row
from ids.search.candidates import Built
from ids.search.found import Found
from ids.search.search import Search
from ids.search.study import Trial

OPTIMISTIC = (
    "Settings were chosen by these numbers, which makes them optimistic; --test evaluates them on "
    "held-out cases."
)


def report_search(search: Search, found: Found, wide: bool = False) -> int:
    """Evaluate the Pareto set on the held-out cases, where some are named; print the set, write it
    and draw it into tables/. 1 where no trial has completed, or a held-out edit failed.
    """
    _say_reasons(search, found)
    if not found.best:
        say(f"{search.name}: no trial has completed")
        return 1
    title = search.first[1].survey().manifest.name
    grids = [_grid(search, found.best, f"{_counts(found)}, {title}", [t.means for t in found.best])]
    sets: dict[str, Means] = {f"Pareto set, {title}": _pairs([t.means for t in found.best])}
    built = [search.build(trial) for trial in found.best]
    tested = search.test(found)
    if search.held_out and tested:
        named = f"held out: {search.held_out.title}"
        grids.append(_grid(search, found.best, f"the same settings, {named}", tested.means))
        sets[named] = _pairs(tested.means)
        built += tested.built
    notes = (f"search {search.name}", *(() if search.held_out else (OPTIMISTIC,)))
    report = Report(f"search {search.name}", tuple(grids), notes, _keys(built))
    print_report(report, open_console(wide), wide)
    written = write_report(report, search.first[1].store.root / "tables")
    say(f"written: {written}")
    say(f"drawn: {_draw(search, found, sets, written)}")
    for problem in tested.problems if tested else ():
        say(f"held out: {problem}")
    return int(bool(tested and tested.problems))


def _counts(found: Found) -> str:
    counts = ((len(found.pruned), "pruned"), (len(found.failed), "failed"))
    others = "".join(f", {n} {name}" for n, name in counts if n)
    return f"Pareto set of {counted(len(found.trials), 'trial')}{others}"


def _grid(
    search: Search, trials: Sequence[Trial], title: str, means: Sequence[Sequence[Estimate]]
) -> Grid:
    """Identity and fidelity of trials, a row each."""
    rows = [
        Row(search.label(trial), max(mean.n for mean in cells), tuple(cells))
        for trial, cells in zip(trials, means, strict=True)
    ]
    return Grid(title, search.objectives.columns, tuple(rows), symmetric=False)


def _draw(search: Search, found: Found, sets: dict[str, Means], beside: Path) -> Path:
    tried = _pairs([trial.means for trial in found.completed])
    return draw_pareto(search.objectives.columns, tried, sets, search.name, beside)


def _pairs(means: Sequence[Sequence[Estimate]]) -> Means:
    return [(cells[0], cells[1]) for cells in means]


def _keys(built: Sequence[Built]) -> tuple[str, ...]:
    jobs = (job for _, experiment in built for job in experiment.jobs(experiment.method))
    return tuple(dict.fromkeys(job.key for job in jobs))


def _say_reasons(search: Search, found: Found) -> None:
    """Why a trial has no means."""
    for name, trials in (("pruned", found.pruned), ("failed", found.failed)):
        for trial in trials:
            say(f"{name}: {search.label(trial)}: {trial.reason}")
