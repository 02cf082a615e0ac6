"""Trials that another one dominates on some cases are given up, and no others."""

from pathlib import Path

import numpy as np
import pytest
from conftest import InProcess

from ids.core.errors import ConfigError
from ids.results.columns import Column
from ids.results.grids import Estimate
from ids.results.omissions import Reason
from ids.results.statistics import Edits
from ids.search.found import Found
from ids.search.objectives import Objectives
from ids.search.pruning import find_dominating
from ids.search.search import Request, open_search
from ids.search.study import Trial

FIXED = ("debug=fast", "method=dds", "method.n_steps=2", "limit=10", "controls=none", "logger=none")
AXIS = "method.optimizer.lr=choice(2.0,3.0,0.01,0.02,5.0,4.0)"
OBJECTIVES = Objectives(Column("lpips", "LPIPS", 3, -1), Column("success", "success", 2, 1))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def edits(identity: np.ndarray, fidelity: np.ndarray) -> Edits:
    n = len(identity)
    values = np.stack([identity, fidelity], axis=1)
    return Edits(np.arange(n), np.zeros(n, int), values, np.full((n, 2), Reason.FINITE))


def finished(number: int, identity: float = 0.2, fidelity: float = 0.7) -> Trial:
    return Trial(number, {}, [Estimate(identity), Estimate(fidelity)])


def test_a_dominated_trial_is_found() -> None:
    rng = np.random.default_rng(0)
    identity, fidelity = rng.normal(size=(2, 8))
    ours = edits(identity + 0.1, fidelity - 0.3)  # LPIPS is better where it is low
    dominated = find_dominating(ours, [(finished(4), edits(identity, fidelity))], OBJECTIVES)
    assert dominated is not None
    assert (dominated.by.number, dominated.n_cases) == (4, 8)
    assert dominated.values == pytest.approx([0.3, 0.4])  # the means of the other, less its lead
    for better in (edits(identity - 0.1, fidelity - 0.3), edits(identity + 0.1, fidelity + 0.3)):
        assert (
            find_dominating(better, [(finished(4), edits(identity, fidelity))], OBJECTIVES) is None
        )


def test_few_cases_and_missing_numbers_show_nothing() -> None:
    zeros = np.zeros(8)
    other = [(finished(0), edits(zeros, zeros))]
    ours = edits(zeros + 1, zeros - 1)
    assert find_dominating(ours, other, OBJECTIVES) is not None
    assert find_dominating(ours, other * 13, OBJECTIVES) is None  # 2^-8 > 5 % / 13
    four = edits(zeros[:4] + 1, zeros[:4] - 1)
    assert find_dominating(four, [(finished(0), edits(zeros[:4], zeros[:4]))], OBJECTIVES) is None
    ours.reasons[3, 0] = Reason.NOT_COMPUTED
    assert find_dominating(ours, other, OBJECTIVES) is None


def test_a_trial_that_none_dominates_is_given_up_in_at_most_a_twentieth() -> None:
    """Five trials are far better in fidelity and equal in identity: none dominates."""
    rng = np.random.default_rng(1)
    given_up = 0
    for _ in range(200):
        identity, fidelity = rng.normal(size=(2, 10))
        noise = rng.normal(size=(5, 10))
        others = [(finished(n), edits(identity + noise[n], fidelity + 5)) for n in range(5)]
        given_up += find_dominating(edits(identity, fidelity), others, OBJECTIVES) is not None
    assert given_up <= 22  # 10 expected at most, with a standard deviation of 3.1


def searched(folder: str, prune: int) -> Found:
    words = [*FIXED, AXIS, f"output_dir={folder}"]
    return open_search(Request(words, "psnr", "psnr_truth", 6, prune=prune)).run(lambda _: None)


def n_edits(folder: str) -> int:
    return len(list(Path(folder, "results").glob("??/*/job.json")))


@pytest.mark.slow
def test_pruning_keeps_the_pareto_set(in_process: InProcess) -> None:
    flags = ("--identity", "psnr", "--fidelity", "psnr_truth", "--trials", "6", "--prune", "6")
    status, out, err = in_process("search", *FIXED, AXIS, "output_dir=pruned", *flags)
    assert status == 0, err
    assert " on 6 cases" in out
    assert "Pareto set of 6 trials, 1 pruned, " in out
    whole, pruned = searched("whole", 0), searched("pruned", 6)
    assert [t.values for t in pruned.trials] == [t.values for t in whole.trials]
    assert not {t.number for t in pruned.pruned} & {t.number for t in whole.best}
    assert [(t.number, t.means) for t in pruned.best] == [(t.number, t.means) for t in whole.best]
    assert n_edits("pruned") == n_edits("whole") - 4


def test_a_trial_is_what_it_ended_as() -> None:
    """It was killed while another end of it was written, and run again beside other trials."""
    study = open_search(Request([*FIXED, AXIS], "psnr", "psnr_truth", 2)).study
    means = [Estimate(0.2, 0.1, 0.3, 10), Estimate(0.7, 0.6, 0.8, 10)]
    with study.next_trial(1) as killed:
        assert killed is not None
        killed.trial.set_user_attr("pruned", "worse in both")
    with study.next_trial(1) as again:
        assert again is not None
        completed = again.completed(means)
    with study.next_trial(2) as killed:
        assert killed is not None
        killed.trial.set_user_attr("means", [[0.2, 0.1, 0.3, 10], [0.7, 0.6, 0.8, 10]])
    with study.next_trial(2) as again:
        assert again is not None
        pruned = again.pruned("worse in both", [0.1, 0.6])
    assert study.trials() == [completed, pruned]


@pytest.mark.parametrize("prune", [4, 10])
def test_a_look_takes_some_of_the_cases(prune: int) -> None:
    with pytest.raises(ConfigError, match="--prune: expected 5 cases or more, and fewer than"):
        searched("outputs", prune)
