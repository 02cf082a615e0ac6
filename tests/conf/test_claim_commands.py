"""The command of every claim makes what the claim needs: settings that fit, metrics, cases, kept
states. Made-up results of those settings get a verdict.
"""

import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Compose
from made_up_results import MadeUp
from msgspec import structs

from ids.config.build import build_experiment
from ids.results.claim import Claim, method_of, package_claims, read_claims
from ids.results.columns import MEASUREMENTS
from ids.results.verdicts import verdicts
from ids.run import Experiment, Store

CLAIMS = read_claims([package_claims()])
QUICK = ("paper_cost", "paper_half_the_steps", "paper_lambda")  # the others compose for a while
STEPS, STRENGTH = (0, 10, 20), (0.0, 1.0, 2.0)
MATCHED = ("matched edit strength", "equal cost")


def runs(command: str) -> Iterator[tuple[str, ...]]:
    """The words of each `ids run` of a command."""
    for part in command.split("&&"):
        program, verb, *words = shlex.split(part)
        assert (program, verb) == ("ids", "run")
        yield tuple(words)


@pytest.fixture(scope="module")
def build(compose: Compose) -> Any:
    """The experiments of a run's words; those of equal words once."""

    @cache
    def built(words: tuple[str, ...]) -> tuple[Experiment, ...]:
        session, found = None, []
        for setting in compose(words):
            found.append(build_experiment(setting, True, session))
            session = found[-1].session
        return tuple(found)

    return built


def n_cases(experiment: Experiment) -> int:
    """Of the embedded world; elsewhere only `limit` is known without the files."""
    counts = (experiment.config["dataset"].get("count"), experiment.config["limit"])
    return min([count for count in counts if count], default=1000)


def flat(node: Any, prefix: str = "") -> dict[str, object]:
    """A configuration as `a__b` -> value."""
    if not isinstance(node, dict):
        return {prefix: node}
    items = ((f"{prefix}__{key}" if prefix else key, value) for key, value in node.items())
    return {key: value for name, child in items for key, value in flat(child, name).items()}


def made_up(claim: Claim, experiments: list[Experiment]) -> MadeUp:
    """Results of each setting on a few cases."""
    found = MadeUp(n=4)
    names = {method_of(spec) for spec in (claim.ours, *claim.theirs)}
    for number, one in enumerate(experiments):
        if one.method.name in names:
            noise = np.random.default_rng(number).normal(0, 0.1, found.n)
            curve = {"steps": STEPS, "strength": STRENGTH} if one.keep_every else {}
            found.add(one.method.name, list(noise), **curve, **flat(dict(one.method.method)))  # type: ignore[arg-type]
    return found


def check(claim: Claim, experiments: list[Experiment], folder: Path) -> None:
    metrics = {*MEASUREMENTS, *(m.name for one in experiments for m in one.metrics.values())}
    assert {claim.metric, *claim.at} <= metrics
    names = {one.dataset.name for one in experiments}
    assert not claim.data or all(name.startswith(tuple(claim.data)) for name in names)
    assert min(map(n_cases, experiments)) >= claim.cases
    level = {"at": {"success": 0.5}, "kind": MATCHED[0]} if claim.kind in MATCHED else {}
    plain = structs.replace(claim, metric="psnr_background", data=[], cases=2, **level)
    (verdict,) = verdicts({"c": plain}, [made_up(claim, experiments).group()], Store(folder))
    assert verdict.outcome != "not run", verdict.reason


@pytest.mark.parametrize(
    "name", [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in CLAIMS]
)
def test_the_command_of_a_claim(name: str, build: Any, tmp_path: Path) -> None:
    """As it is written."""
    claim = CLAIMS[name]
    check(claim, [one for words in runs(claim.command) for one in build(words)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [k for k, claim in CLAIMS.items() if "size=demo" in claim.command])
def test_the_command_of_a_claim_at_the_papers_size(name: str, build: Any, tmp_path: Path) -> None:
    claim = CLAIMS[name]
    words = runs(claim.command.replace("size=demo", "size=paper"))
    check(claim, [one for each in words for one in build(each)], tmp_path)
