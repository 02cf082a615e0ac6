"""Looks along the steps: diverging trials end early, trials that none dominates do not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import InProcess

import ids
from ids.core.errors import ConfigError
from ids.results.columns import Column
from ids.results.grids import Estimate
from ids.results.omissions import Reason
from ids.results.statistics import Edits
from ids.search import looks as looks_module
from ids.search.candidates import Built
from ids.search.found import Found
from ids.search.looks import _extended
from ids.search.objectives import Objectives
from ids.search.pruning import find_dominating
from ids.search.search import Request, Search, open_search
from ids.search.study import Trial

FIXED = ("debug=fast", "method=dds", "method.n_steps=16", "limit=12", "controls=none")
FIXED += ("logger=none",)
AXIS = "method.optimizer.lr=choice(0.1,0.3,1.0,20.0,100.0)"
OBJECTIVES = Objectives(Column("lpips", "LPIPS", 3, -1), Column("success", "success", 2, 1), 1.0)
CASES = 12


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def edits(identity: np.ndarray, fidelity: np.ndarray) -> Edits:
    n = len(identity)
    values = np.stack([identity, fidelity], axis=1)
    return Edits(np.arange(n), np.zeros(n, int), values, np.full((n, 2), Reason.FINITE))


def finished(number: int, fidelity: float = 0.7) -> Trial:
    return Trial(number, {}, [Estimate(0.2), Estimate(fidelity)])


def opened(folder: str, trials: int, looks: Sequence[float] = (0.125, 0.25)) -> Search:
    words = [*FIXED, AXIS, f"output_dir={folder}"]
    return open_search(
        Request(words, "psnr", "psnr_truth", trials, seed=1, prune=8, looks=tuple(looks))
    )


def decisions(found: Found) -> list[object]:
    return [(t.number, dict(t.values), t.means, t.reason, t.pruned) for t in found.trials]


def given_up(rng: np.random.Generator, worse: str) -> bool:
    """Three trials are better in one objective by far; in the other, ours ends where they are. Its
    states have independent noise: looks differ as much as they can.
    """
    noise = lambda: rng.normal(size=(2, CASES))
    hopeless = np.array([[0.0], [-20.0]]) if worse == "fidelity" else np.array([[20.0], [0.0]])
    rise = np.array([[0.0], [0.1]]) if worse == "identity" else np.zeros((2, 1))
    others = [(finished(n), edits(*(noise() - hopeless + 64 * rise))) for n in range(3)]
    one, eight, sixteen, last = (edits(*(noise() + k * rise)) for k in (1, 8, 16, 64))
    three = (_extended(one, eight, 56 / 7), _extended(eight, sixteen, 48 / 8), last)
    return any(find_dominating(ours, others, OBJECTIVES, 3) is not None for ours in three)


@pytest.mark.parametrize("worse", ["identity", "fidelity"])
def test_a_trial_that_none_dominates_is_given_up_in_at_most_a_twentieth(worse: str) -> None:
    rng = np.random.default_rng(0)
    assert sum(given_up(rng, worse) for _ in range(100)) <= 11  # 5, and three deviations of 2.2


def test_fidelity_that_may_still_rise_is_no_reason() -> None:
    zeros = np.zeros(CASES)
    others = [(finished(0), edits(zeros, zeros + 0.8))]
    worse, better = zeros + 1, zeros - 1  # of LPIPS
    now = edits(worse, zeros + 0.4)

    def dominated(identity: np.ndarray, before: float) -> bool:
        ours = _extended(edits(zeros, zeros + before), edits(identity, now.values[:, 1]), 3.0)
        return find_dominating(ours, others, OBJECTIVES) is not None

    assert dominated(worse, 0.3)  # 0.4 + 3 * 0.1
    assert not dominated(worse, 0.2)  # 0.4 + 3 * 0.2
    assert dominated(worse, 0.9)  # it has fallen
    assert not dominated(better, 0.3)


def test_no_fidelity_is_above_the_best_possible() -> None:
    zeros = np.zeros(CASES)
    ours = _extended(edits(zeros, zeros), edits(zeros + 0.3, zeros + 1), 3.0)
    for fidelity, decided in ((1.0, True), (0.9, False)):
        dominated = find_dominating(
            ours, [(finished(0, fidelity), edits(zeros, zeros + fidelity))], OBJECTIVES
        )
        assert (dominated is not None) == decided
    assert find_dominating(ours, [(finished(0, 1.0), edits(zeros, zeros + 1))], OBJECTIVES)
    equal = edits(zeros, zeros + 1)
    assert find_dominating(equal, [(finished(0, 1.0), equal)], OBJECTIVES) is None


def test_a_diverging_trial_ends_before_its_last_step() -> None:
    search = opened("outputs", 3)
    pruned = [trial for trial in search.run(lambda _: None).pruned if "steps" in trial.reason]
    assert pruned
    for trial in pruned:
        assert trial.reason.endswith(" on 8 cases, after 4 of 16 steps")
    store = search.first[1].store
    spent = store.numbers.measurements()
    records = [store.look(key).record for key in store.all_keys()]
    lr = float(str(pruned[0].values["method.optimizer.lr"]))
    keys = {r.key: r.method["n_steps"] for r in records if r and r.method["optimizer"]["lr"] == lr}
    assert sorted(set(keys.values())) == [1, 2, 4]
    assert sum(spent[key].forwards for key in keys) == 8 * 4 * (1 + 2 + 4)  # not 12 * 4 * 16


@pytest.mark.slow
def test_a_search_stopped_at_a_look_decides_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = opened("whole", 4).run(lambda _: None)
    run_all, calls = looks_module.run_all, iter(range(9))

    def interrupted(built: Sequence[Built], searched: Sequence[Sequence[str]]) -> object:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return run_all(built, searched)

    monkeypatch.setattr(looks_module, "run_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened("stopped", 4).run(lambda _: None)
    monkeypatch.setattr(looks_module, "run_all", run_all)
    assert decisions(opened("stopped", 4).run(lambda _: None)) == decisions(whole)
    assert opened("stopped", 4, [0.25]).name != opened("stopped", 4).name


def test_the_command_and_python_search_alike(in_process: InProcess) -> None:
    flags = ("--identity", "psnr", "--fidelity", "psnr_truth", "--trials", "3", "--seed", "1")
    looks = ("--prune", "8", "--looks", "0.125,0.25")
    status, out, err = in_process("search", *FIXED, AXIS, *flags, *looks)
    assert status == 0, err
    assert ", after 4 of 16 steps" in out
    found = ids.search(
        [*FIXED, AXIS],
        identity="psnr",
        fidelity="psnr_truth",
        trials=3,
        seed=1,
        prune=8,
        looks=(0.125, 0.25),
    )
    assert len(list(Path("outputs/search").glob("*.jsonl"))) == 1
    assert found.journal == next(Path("outputs/search").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("prune", "looks", "message"),
    [
        (0, (0.5,), "--looks: expected shares of the steps between 0 and 1, in order, and --prune"),
        (8, (0.5, 0.25), "--looks: expected shares"),
        (8, (0.5, 1.0), "--looks: expected shares"),
        (8, (float("nan"),), "--looks: expected shares"),
        (5, (0.5,), "--prune: expected 6 cases or more for 2 looks"),
        (8, (0.01,), "--looks: expected edits that can be stopped early; got method=dds, where no"),
    ],
)
def test_wrong_looks_are_one_line(prune: int, looks: tuple[float, ...], message: str) -> None:
    request = Request([*FIXED, AXIS], "psnr", "psnr_truth", prune=prune, looks=looks)
    with pytest.raises(ConfigError, match=message):
        open_search(request)


def test_trials_of_too_few_steps_are_pruned_by_finished_edits_alone() -> None:
    """Of an interval of steps, its lower end may have no look."""
    fixed = [word for word in FIXED if "n_steps" not in word]
    words = [*fixed, "method.n_steps=int(interval(2,16))"]
    search = open_search(Request(words, "psnr", "psnr_truth", prune=8, looks=(0.25,)))
    assert search.notes == []
    corners = [search.space.words(values) for values in search.space.corners()]
    looks = [search.looks.of(search.candidates.build(words), words) for words in corners]
    assert [[each.where for each in of] for of in looks] == [[""], [", after 4 of 16 steps", ""]]


def test_editors_whose_states_are_no_results_are_not_looked_at() -> None:
    fixed = [word for word in FIXED if not word.startswith("method")]
    sampled = [*fixed, "method=sdedit", "method.strength=interval(0.1,0.9)"]
    request = Request(sampled, "psnr", "psnr_truth", prune=8, looks=(0.25,))
    with pytest.raises(ConfigError, match="got method=sdedit, where an unfinished edit is no res"):
        open_search(request)
    both = [*fixed, "method=choice(dds,sdedit)"]
    (note,) = open_search(Request(both, "psnr", "psnr_truth", prune=8, looks=(0.25,))).notes
    assert note.startswith("--looks: method=sdedit is pruned by finished edits alone")
