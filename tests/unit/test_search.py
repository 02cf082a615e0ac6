"""`ids search` in the exact world: trials, resume, failures, the Pareto set, held-out cases."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import InProcess

from ids.config.sources import find_sources
from ids.config.space import Interval, parse_space
from ids.core.errors import ConfigError, DataError
from ids.results.columns import Column
from ids.results.grids import Estimate
from ids.run.experiment import Experiment
from ids.search import search as search_module
from ids.search.candidates import Built
from ids.search.found import Found, best_trials
from ids.search.objectives import Objectives
from ids.search.search import Request, open_search
from ids.search.study import Trial

FIXED = ("debug=fast", "method=dds", "method.n_steps=2", "controls=none", "logger=none")
AXES = ("method.guidance_scale=interval(1,8)", "method.optimizer.lr=tag(log,interval(0.01,0.3))")
FLAGS = ("--identity", "psnr", "--fidelity", "psnr_truth")
SEARCH = ("search", *FIXED, *AXES, *FLAGS)


def searched(trials: int, *words: str, folder: str = "outputs", sampler: str = "tpe") -> Found:
    request = Request(
        [*FIXED, f"output_dir={folder}", *(words or AXES)],
        "psnr",
        "psnr_truth",
        trials,
        sampler,
    )
    return open_search(request).run(lambda _: None)


def values(found: Found) -> list[object]:
    return [(trial.number, dict(trial.values), trial.means) for trial in found.trials]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def results() -> int:
    return len(list(Path("outputs/results").glob("??/*/job.json")))


def test_the_pareto_set_is_printed_written_drawn_and_tested(in_process: InProcess) -> None:
    test = ("--test", "dataset.split=test limit=3")
    status, out, err = in_process(*SEARCH, "--trials", "4", *test)
    assert status == 0, err
    assert out.count("trial ") == 4
    assert "Pareto set of 4 trials, shapes-dev-v1" in out
    assert "the same settings, held out: shapes-test-v1" in out
    assert "optimistic" not in out
    (written,) = Path("outputs/tables").glob("*.md")
    dev, held_out = json.loads(written.with_suffix(".json").read_text())["grids"]
    assert [row["cases"] for row in dev["rows"]] == [2] * len(dev["rows"])
    assert [row["cases"] for row in held_out["rows"]] == [3] * len(dev["rows"])
    assert [row["method"] for row in dev["rows"]] == [row["method"] for row in held_out["rows"]]
    cell = held_out["rows"][0]["cells"]["psnr"]
    assert cell["low"] < cell["value"] < cell["high"]
    assert written.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    before = results()
    assert in_process(*SEARCH, "--trials", "4", *test)[1].count("trial ") == 0
    assert results() == before


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("nsga2", marks=pytest.mark.slow)])
def test_a_resumed_search_continues_as_if_never_stopped(sampler: str) -> None:
    for trials in (1, 2, 4):
        resumed = searched(trials, sampler=sampler)
    assert values(resumed) == values(searched(4, folder="other", sampler=sampler))
    assert [trial.number for trial in resumed.trials] == [0, 1, 2, 3]


def test_trackers_get_a_run_per_trial_named_by_its_values() -> None:
    words = [*(word for word in FIXED if word != "logger=none"), *AXES, "logger=files"]
    found = open_search(Request(words, "psnr", "psnr_truth", 2)).run(lambda _: None)
    lines = map(json.loads, Path("outputs/logs/dds.jsonl").read_text().splitlines())
    labels = [line["label"] for line in lines if line["event"] == "config"]
    keys = "method.guidance_scale", "method.optimizer.lr"
    by_trial = [
        " ".join(f"{key}={trial.values[key]:.4g}" for key in keys) for trial in found.trials
    ]
    assert labels == [f"dds {words}" for words in by_trial]


def test_an_interrupted_trial_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run_one = search_module.run_one

    def interrupted(_: Built, __: Sequence[str]) -> Experiment:
        raise KeyboardInterrupt

    searched(1)
    monkeypatch.setattr(search_module, "run_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        searched(3)
    monkeypatch.setattr(search_module, "run_one", run_one)
    assert values(searched(3)) == values(searched(3, folder="other"))


def test_a_launcher_is_checked_before_the_first_trial(in_process: InProcess) -> None:
    status, out, err = in_process(*SEARCH, "launch=devices", "launch.workers=-1")
    assert (status, out) == (2, "")
    assert "launch.workers: expected 1 or more" in err
    assert not Path("outputs").exists()


def test_the_same_setting_is_edited_once() -> None:
    found = searched(5, "method.guidance_scale=range(1.0,1.5,0.25)")
    assert results() == 2 * len({tuple(trial.values.items()) for trial in found.trials})
    assert results() < 10
    words = {tuple(trial.values.items()) for trial in found.best}
    assert len(words) == len(found.best)


@pytest.mark.slow
def test_where_edits_run_does_not_change_the_study() -> None:
    def name(*words: str) -> str:
        return open_search(Request([*FIXED, *words], "psnr", "psnr_truth")).name

    assert name(*AXES) == name(*reversed(FIXED), AXES[0], AXES[1], "engine.batch_size=3")
    assert len({name(*AXES), name(AXES[0]), name(*AXES, "limit=1")}) == 3


def test_axes() -> None:
    words = ["method=ids", "fpr.n_iters=choice(1,3)", "fpr.scale=tag(log, interval(0.01,1))"]
    words += ["method.n_steps=int(interval(10,20))", "method.guidance_scale=range(1.0,2,0.1)"]
    space = parse_space(words, find_sources())
    assert space.fixed == ["method=ids"]
    choice, scale, steps, guidance = space.axes
    assert scale == Interval("fpr.scale", 0.01, 1.0, log=True)
    assert scale.word(0.123456) == "fpr.scale=0.1235"
    assert scale.word(0.999999) == "fpr.scale=1.0"
    assert steps.word(12) == "method.n_steps=12"
    assert choice.ends == ("1", "3")
    assert guidance.word(guidance.ends[1]) == "method.guidance_scale=1.9"
    assert len(space.corners()) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected a key with interval(a,b)"),
        (("dataset.split=choice(dev,test)",), "dataset.split: expected a search over keys of"),
        (("method.guidance_scale=interval(5,2)",), "the smaller one first"),
        (("method.optimizer.lr=tag(log,interval(0,2))",), "expected a log interval above 0"),
        (("method.optimizer.lr=tag(x,interval(1,2))",), "expected no tag but log"),
        (("backbone=choice(gaussian,shapes)",), "dataset.size: expected the same for all "),
        (("method.gidance=interval(2,5)",), "no such option"),
        (("method.optimizer.lr=interval(-1,1)",), "expected a number above 0"),
        ((AXES[0], "--trials", "0"), "--trials: expected 1 or more"),
        ((AXES[0], "--sampler", "grid"), "--sampler: expected tpe or nsga2; got grid"),
        ((AXES[0], "--seed", "-1"), "--seed: expected 0 or more"),
        ((AXES[0], "--identity", "psnr_truth"), "expected another metric than --identity"),
        ((AXES[0], "--identity", "latent_distance"), "with a better direction (psnr, "),
        ((AXES[0], "--fidelity", "success"), "--fidelity: expected a metric of this run"),
        ((AXES[0], "--test", "test"), "--test test: expected key=value"),
        ((AXES[0], "--test", "seeds=[1]"), "expected held-out cases; got 2 cases of the search"),
        ((AXES[0], "--test", AXES[0]), "expected no key that is searched"),
    ],
)
def test_wrong_words_cost_one_line_and_no_work(
    words: tuple[str, ...], message: str, in_process: InProcess
) -> None:
    status, out, err = in_process("search", *FIXED, *FLAGS, *words)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not Path("outputs").exists()


def test_a_key_without_effect_is_noted() -> None:
    words = [*FIXED, AXES[0], "fpr.scale=interval(0.1,1)"]
    (note,) = open_search(Request(words, "psnr", "psnr_truth")).notes
    assert note.startswith("fpr.scale: changes no edit of dds")


def test_without_optuna_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'ids-editing\[search\]'"):
        searched(1)


def test_a_torn_journal_is_read_and_a_damaged_one_refused() -> None:
    found = searched(2)
    (journal,) = Path("outputs/search").glob("*.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"op_code":5,"wor')
    assert values(searched(2)) == values(found)
    journal.write_bytes(b"no journal\n" + journal.read_bytes())
    with pytest.raises(DataError, match="expected a journal of trials"):
        searched(2)


def trial(number: int, identity: float, fidelity: float) -> Trial:
    return Trial(number, {"a": number}, [Estimate(identity), Estimate(fidelity)])


def test_the_best_trials_are_those_that_none_exceeds() -> None:
    objectives = Objectives(Column("lpips", "LPIPS", 3, -1), Column("success", "success", 2, 1))
    trials = [trial(0, 0.1, 0.5), trial(1, 0.2, 0.5), trial(2, 0.3, 0.9), trial(3, 0.05, 0.1)]
    trials += [Trial(4, {"a": 4}, reason="failed"), Trial(5, {"a": 0}, trials[0].means)]
    assert [one.number for one in best_trials(trials, objectives)] == [3, 0, 2]
    assert best_trials(trials[4:5], objectives) == []
