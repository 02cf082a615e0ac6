"""`ids.search`: the best trades between identity and prompt fidelity, as records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ids.api.setting import Folders, Words, each
from ids.results.grids import Estimate

if TYPE_CHECKING:
    from ids.search.search import Search
    from ids.search.study import Trial

Sampler = Literal["tpe", "nsga2"]


@dataclass(frozen=True)
class SearchTrial:
    """A trial: its number from 1, its searched `values` as written in words, and all `words`, which
    `ids.run` takes. `means` (and `held_out`, of a trial of the Pareto set) are the means over cases
    by metric, with 95 % intervals. A trial without means has a `reason`: it failed, or was
    `pruned`.
    """

    number: int
    values: Mapping[str, str]
    words: Sequence[str]
    means: Mapping[str, Estimate]
    held_out: Mapping[str, Estimate]
    reason: str
    pruned: bool


@dataclass(frozen=True)
class SearchResult:
    """A finished `ids.search`: `pareto` are the trials that no other equals or exceeds in both
    metrics, weakest in fidelity first; `trials` are all, by number. `journal` is the file in the
    store that continues; `errors` are those of held-out cases; `notes` are about words that change
    nothing.
    """

    name: str
    pareto: Sequence[SearchTrial]
    trials: Sequence[SearchTrial]
    journal: Path
    errors: Sequence[str]
    notes: Sequence[str]


def search(
    overrides: Words,
    *,
    identity: str = "psnr_background",
    fidelity: str = "success",
    trials: int = 20,
    sampler: Sampler = "tpe",
    seed: int = 0,
    prune: int = 0,
    looks: Sequence[float] = (),
    test: Words = (),
    config_dirs: Folders = (),
) -> SearchResult:
    """`ids search`: `trials` settings in total, of words in which one key or more has an interval,
    range or choice (`method.guidance_scale=interval(2,10)`). The same call continues a search that
    was stopped. `test` are words of held-out cases, on which the Pareto set is evaluated; `prune`
    gives up a trial that is worse in both metrics on that many cases, with `looks` after these
    shares of its steps already. `ConfigError` for a wrong word or number, `SearchStopped` where
    trials in a row fail alike.
    """
    from ids.search.search import Request, open_search

    words, folders, tests = each(overrides), each(config_dirs), each(test)
    request = Request(
        words, identity, fidelity, trials, sampler, seed, tests, folders, prune, looks
    )
    opened = open_search(request)
    found = opened.run(lambda _: None)
    tested = opened.test(found)
    means = tested.means if tested else [()] * len(found.best)
    held_out = {trial.number: cells for trial, cells in zip(found.best, means, strict=True)}
    records = {t.number: _record(opened, t, held_out.get(t.number, ())) for t in found.trials}
    return SearchResult(
        opened.name,
        [records[trial.number] for trial in found.best],
        list(records.values()),
        opened.study.file,
        tested.problems if tested else (),
        opened.notes,
    )


def _record(search: "Search", trial: "Trial", held_out: Sequence[Estimate]) -> SearchTrial:
    columns = [column.key for column in search.objectives.columns]
    return SearchTrial(
        trial.number + 1,
        dict(word.split("=", 1) for word in search.space.searched(trial.values)),
        search.space.words(trial.values),
        dict(zip(columns, trial.means, strict=False)),
        dict(zip(columns, held_out, strict=False)),
        trial.reason,
        trial.pruned,
    )
