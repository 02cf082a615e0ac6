"""Verdicts: every outcome, by every kind of comparison, on results whose differences are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_results import MadeUp
from msgspec import structs

from ids.core.records import Measurement
from ids.results.claim import Claim
from ids.results.grids import Estimate
from ids.results.verdict import Outcome, Verdict, decide
from ids.results.verdicts import verdicts
from ids.run import Store

CLAIM = Claim(
    statement="IDS preserves more than DDS.",
    by="paper",
    kind="equal settings",
    ours="ids",
    theirs=["dds"],
    metric="psnr_background",
    direction="higher",
    smallest=0.5,
    command="ids run experiments=demo",
)
NOISE = np.random.default_rng(0).normal(0, 1, 24)
STEPS = (0, 10, 20)


def judge(root: Path, claim: Claim, *made: MadeUp) -> list[Verdict]:
    return verdicts({"a_claim": claim}, [one.group() for one in made], Store(root))


def only(root: Path, claim: Claim, *made: MadeUp) -> Verdict:
    (verdict,) = judge(root, claim, *made)
    return verdict


def gain(by: float, spread: float) -> list[float]:
    return list(by + spread * NOISE)


@pytest.mark.parametrize(
    ("direction", "value", "low", "high", "outcome"),
    [
        ("higher", 1.0, 0.2, 1.8, "holds"),
        ("higher", 0.4, 0.2, 0.6, "inconclusive"),  # real, but smaller than what matters
        ("higher", 1.0, -0.1, 2.1, "inconclusive"),
        ("higher", 0.2, 0.1, 0.4, "does not hold"),
        ("higher", -1.0, -2.0, -0.1, "does not hold"),
        ("lower", -1.0, -1.8, -0.2, "holds"),
        ("lower", 1.0, 0.2, 1.8, "does not hold"),
        ("equal", 0.1, -0.3, 0.45, "holds"),
        ("equal", 0.1, -0.3, 0.55, "inconclusive"),
        ("equal", -1.0, -1.4, -0.5, "does not hold"),
        ("higher", 1.0, float("nan"), float("nan"), "inconclusive"),
    ],
)
def test_the_rule(direction: str, value: float, low: float, high: float, outcome: Outcome) -> None:
    assert decide(direction, 0.5, Estimate(value, low, high, 24)) == outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "spread", "outcome"),
    [(1.0, 0.2, "holds"), (0.1, 0.2, "does not hold"), (0.6, 5.0, "inconclusive")],
)
def test_equal_settings(tmp_path: Path, by: float, spread: float, outcome: Outcome) -> None:
    made = MadeUp().add("dds", 0.0, n_steps=8).add("ids", gain(by, spread), n_steps=8)
    found = only(tmp_path, CLAIM, made)
    assert (found.outcome, found.n_cases, found.unit) == (outcome, 24, "dB")
    assert found.effect == pytest.approx(by + spread * NOISE.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.effect < found.high
    assert found.settings == "ids - dds"
    assert found.outcome_text == f"{outcome}, on shapes"


def test_the_wide_networks_are_of_the_embedded_world(tmp_path: Path) -> None:
    made = MadeUp(backbone="shapes_wide").add("dds", 0.0, n_steps=8).add("ids", 1.0, n_steps=8)
    assert only(tmp_path, CLAIM, made).embedded


def test_what_is_not_run(tmp_path: Path) -> None:
    made = MadeUp().add("dds", 0.0, n_steps=8)
    assert "against dds at equal settings" in only(tmp_path, CLAIM, made).reason
    made.add("ids", 1.0, n_steps=9)  # not equal
    assert only(tmp_path, CLAIM, made).outcome == "not run"
    free = structs.replace(CLAIM, may_differ=["n_steps"])
    assert only(tmp_path, free, made).outcome == "holds"
    many = structs.replace(free, cases=25)
    assert only(tmp_path, many, made).reason == "24 of at least 25 cases."
    elsewhere = only(tmp_path, structs.replace(free, data=["pie", "ip2p"]), made)
    assert (elsewhere.outcome_text, elsewhere.effect) == ("not run", None)
    assert elsewhere.reason == "No results of pie or ip2p."
    missing = structs.replace(free, metric="lpips_alex")
    assert only(tmp_path, missing, made).reason == "No values of lpips_alex."


def test_a_claim_about_two_methods_needs_both(tmp_path: Path) -> None:
    both = structs.replace(CLAIM, theirs=["dds", "cds"])
    made = MadeUp().add("dds", 0.0).add("ids", gain(1.0, 0.1))
    assert "against cds" in only(tmp_path, both, made).reason
    found = only(tmp_path, both, made.add("cds", 0.9))
    assert (found.outcome, found.settings) == ("does not hold", "ids - cds")
    assert "1 of 2 comparisons" in found.reason


def test_every_fitting_setting_counts_and_conditions_choose(tmp_path: Path) -> None:
    made = MadeUp()
    for g, by in ((3, 1.0), (7.5, 0.0)):
        made.add("dds", 0.0, guidance_scale=g).add("ids", gain(by, 0.1), guidance_scale=g)
    whole = only(tmp_path, CLAIM, made)
    assert whole.outcome == "does not hold"
    assert whole.settings == "ids (guidance_scale=7.5) - dds (guidance_scale=7.5)"
    for wanted, outcome in (("3", "holds"), ("7.5", "does not hold"), ("2|3", "holds")):
        claim = structs.replace(CLAIM, ours=f"ids guidance_scale={wanted}")
        assert only(tmp_path, claim, made).outcome == outcome


def test_what_a_condition_names_on_one_side_is_equal_on_both(tmp_path: Path) -> None:
    """A value differs where `theirs` names its own, or `may_differ` allows it."""
    made = MadeUp().add("dds", 0.0, guidance_scale=3)
    made.add("ids", gain(1.0, 0.1), guidance_scale=7.5)
    claim = structs.replace(CLAIM, ours="ids guidance_scale=7.5")
    assert only(tmp_path, claim, made).outcome == "not run"
    for more in ({"theirs": ["dds guidance_scale=3"]}, {"may_differ": ["guidance_scale"]}):
        assert only(tmp_path, structs.replace(claim, **more), made).outcome == "holds"


def test_matched_edit_strength_undoes_what_equal_steps_show(tmp_path: Path) -> None:
    """IDS edits at half the speed along the same curve: ahead at equal steps, equal at a level."""
    made = MadeUp().add("dds", 0.0, steps=STEPS, strength=(0.0, 2.0, 4.0))
    made.add("ids", gain(0.0, 0.1), steps=STEPS, strength=(0.0, 1.0, 2.0))
    assert only(tmp_path, CLAIM, made).outcome == "holds"
    levels = structs.replace(CLAIM, kind="matched edit strength", at={"success": 1.5})
    assert only(tmp_path, levels, made).outcome == "does not hold"
    equal = structs.replace(levels, direction="equal", at={"success": [0.5, 1.5]})
    assert only(tmp_path, equal, made).outcome == "holds"
    beyond = only(tmp_path, structs.replace(levels, at={"success": 3.0}), made)
    assert (beyond.outcome, beyond.effect) == ("inconclusive", None)
    assert "not both reach success 3" in beyond.reason


def test_equal_cost_reads_both_at_the_same_nfe(tmp_path: Path) -> None:
    """A step of IDS costs four times that of DDS, and moves as far."""
    made = MadeUp()
    for method in ("dds", "ids"):
        made.add(method, gain(0.0, 0.1), steps=STEPS, strength=(0.0, 1.0, 2.0))
    group, store = made.group(), Store(tmp_path)
    for method, nfe in (("dds", 80.0), ("ids", 320.0)):
        keys = [entry.record.key for entry in group.entries if entry.record.name == method]
        store.numbers.put_measurement(
            "cpu", {"device": "cpu"}, keys, Measurement(1.0, nfe, 0.0, 1.0)
        )
    claim = structs.replace(
        CLAIM, kind="equal cost", at={"nfe": 80.0}, metric="success", direction="lower"
    )
    (found,) = verdicts({"c": claim}, [group], store)
    assert found.outcome == "holds"
    assert found.effect == pytest.approx(0.5 - 2.0)


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ((0.0, 0.5, 1.0), "holds"),
        ((0.0, 1.5, 1.0), "does not hold"),  # the ends grow, but a step goes back
        ((0.0, 0.05, 0.1), "does not hold"),
        ((1.0, 0.5, 0.0), "does not hold"),
    ],
)
def test_a_trend_is_monotone(tmp_path: Path, values: tuple[float, ...], outcome: Outcome) -> None:
    made = MadeUp()
    for scale, value, seed in zip((0.3, 1.0, 10.0), values, range(3), strict=True):
        noise = np.random.default_rng(seed).normal(0, 0.05, 24)
        made.add("ids", list(value + noise), scale=scale)
    claim = structs.replace(CLAIM, kind="trend", theirs=[], over="scale")
    found = only(tmp_path, claim, made)
    assert found.outcome == outcome
    down = structs.replace(claim, direction="lower")
    assert only(tmp_path, down, made).outcome != "holds" or values[0] > values[-1]


def test_a_trend_needs_two_settings(tmp_path: Path) -> None:
    claim = structs.replace(CLAIM, kind="trend", theirs=[], over="scale")
    found = only(tmp_path, claim, MadeUp().add("ids", 0.0, scale=1.0))
    assert (found.outcome, found.reason) == ("not run", "No comparison of ids over scale.")


def test_numbers_of_different_weights_are_never_combined(tmp_path: Path) -> None:
    """Neither of a backbone, nor of the network of a metric."""
    first = MadeUp().add("dds", 0.0)
    other = MadeUp(weights="fedcba9876543210").add("ids", 1.0)
    assert {found.outcome for found in judge(tmp_path, CLAIM, first, other)} == {"not run"}
    first.add("ids", 1.0)
    other.add("dds", 1.0)
    found = judge(tmp_path, CLAIM, first, other)
    assert [each.outcome for each in found] == ["holds", "does not hold"]
    assert len({each.data for each in found}) == 2

    mixed = MadeUp().add("dds", 0.0, network=":net-1").add("ids", 1.0, network=":net-2")
    assert {found.outcome for found in judge(tmp_path, CLAIM, mixed)} == {"not run"}


def test_seeds_are_averaged_within_a_case(tmp_path: Path) -> None:
    made = MadeUp(n=10).add("dds", 0.0, seeds=(0, 1, 2)).add("ids", 1.0, seeds=(0, 1, 2))
    found = only(tmp_path, structs.replace(CLAIM, cases=11), made)
    assert found.reason == "10 of at least 11 cases."


def test_on_shapes_is_part_of_the_outcome_where_that_ran() -> None:
    verdict = Verdict("c", "s", "ids", "holds", "r", 1.0, 0.5, 1.5, "dB", 20)
    assert (verdict.outcome_text, verdict.effect_text) == ("holds", "+1.00 [+0.50, +1.50] dB")
    assert replace(verdict, embedded=True).outcome_text == "holds, on shapes"
    assert replace(verdict, low=None, high=None).effect_text == "+1.00 dB"
