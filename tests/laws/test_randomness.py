"""Draws depend on (seed, source, step, name) alone."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ids.core.rng import Streams

names = st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=5, unique=True)


@given(names, st.integers(0, 2**40), st.integers(0, 500))
def test_draws_are_independent_of_the_batch(cases: list[str], seed: int, step: int) -> None:
    together = Streams.of(seed, cases).at(step)
    like = torch.empty(len(cases), 2, 3)
    for row, case in enumerate(cases):
        alone = Streams.of(seed, [case]).at(step)
        assert torch.equal(together.normal("eps", like)[row], alone.normal("eps", like[:1])[0])
        assert together.integers("t", 50, 949)[row] == alone.integers("t", 50, 949)[0]
        assert torch.equal(together.permutation("p", 9)[row], alone.permutation("p", 9)[0])


def test_draws_are_independent_of_other_draws() -> None:
    rng, like = Streams.of(0, ["a"]), torch.empty(1, 4)
    before = rng.normal("eps", like)
    rng.normal("another", like)
    rng.integers("t", 0, 10)
    assert torch.equal(before, rng.normal("eps", like))


def test_step_name_seed_and_source_each_change_the_draw() -> None:
    like = torch.empty(1, 8)
    draws = [
        Streams.of(0, ["a"]).at(0).normal("x", like),
        Streams.of(1, ["a"]).at(0).normal("x", like),
        Streams.of(0, ["b"]).at(0).normal("x", like),
        Streams.of(0, ["a"]).at(1).normal("x", like),
        Streams.of(0, ["a"]).at(0).normal("y", like),
    ]
    assert len({tuple(draw.flatten().tolist()) for draw in draws}) == len(draws)


def test_dtype_changes_no_draw() -> None:
    rng = Streams.of(3, ["a", "b"])
    single = rng.normal("x", torch.empty(2, 5))
    double = rng.normal("x", torch.empty(2, 5, dtype=torch.float64))
    assert torch.equal(single.double(), double)


def test_draws_are_the_same_in_every_version() -> None:
    """Frozen: a change invalidates every stored result."""
    value = Streams.of(0, ["case"]).at(7).normal("eps", torch.empty(1, 2))
    assert value.flatten().tolist() == FROZEN
    assert Streams.of(0, ["case"]).at(7).integers("t", 50, 949).tolist() == [FROZEN_T]


FROZEN = [-2.3100223541259766, 2.0744986534118652]
FROZEN_T = 680


def test_normal_is_normal() -> None:
    x = Streams.of(0, ["a"]).normal("x", torch.empty(1, 100_000))
    assert abs(float(x.mean())) < 0.02
    assert abs(float(x.std()) - 1) < 0.02
