"""Guidance that changes along the steps: scales, states, costs, shared source halves."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from anchor_edits import IMAGES, DoubleWorld, edited, editor
from hypothesis import given
from hypothesis import strategies as st

from ids.core.edit import Anchors, SourceHalf
from ids.core.prompt import Prompt
from ids.core.protocols import GuidanceSchedule
from ids.core.records import Anchor
from ids.diffusion import Bank, ConstantGuidance, Guided, RampGuidance, SettleGuidance
from ids.editing.ahead import Ahead
from ids.methods import FPR
from ids.run.anchor_cache import MemoryCache

FALLING = [
    SettleGuidance(2),
    RampGuidance("linear"),
    RampGuidance("cosine"),
    RampGuidance("linear", over=3),
]
SCALES = st.floats(1, 20)


def scales(schedule: GuidanceSchedule, n_steps: int, scale: float = 7.5) -> list[float]:
    return [schedule(step, n_steps, scale).scale for step in range(n_steps)]


def test_scales_by_step() -> None:
    assert scales(ConstantGuidance(), 3) == [7.5, 7.5, 7.5]
    assert scales(SettleGuidance(2), 5) == [7.5, 7.5, 7.5, 1, 1]
    assert scales(RampGuidance("linear"), 3, 5.0) == [5, 3, 1]
    assert scales(RampGuidance("cosine"), 3, 5.0) == [5, 3, 1]
    assert scales(RampGuidance("cosine"), 5, 5.0)[1] > scales(RampGuidance(), 5, 5.0)[1]
    assert scales(RampGuidance("linear", over=2), 5, 5.0) == [5, 3, 1, 1, 1]
    assert scales(RampGuidance("linear"), 1) == [7.5]


@given(
    form=st.sampled_from(["linear", "cosine"]),
    scale=SCALES,
    end=SCALES,
    n=st.integers(2, 80),
    over=st.none() | st.integers(1, 80),
)
def test_a_ramp_is_monotonic_and_ends_exactly(
    form: str, scale: float, end: float, n: int, over: int | None
) -> None:
    """At exactly 1 a step costs half."""
    found = scales(RampGuidance(form, end, over), n, scale)  # type: ignore[arg-type]
    assert found[0] == scale
    if over is None or over < n:
        assert found[-1] == end
    steps = torch.tensor(found, dtype=torch.float64).diff() * (1 if end > scale else -1)
    assert (steps >= -1e-9).all()


@given(
    schedule=st.sampled_from([*FALLING, ConstantGuidance(), RampGuidance("cosine", over=9)]),
    n=st.integers(3, 40),
    more=st.integers(1, 40),
)
def test_an_anytime_schedule_does_not_depend_on_the_number_of_steps(
    schedule: GuidanceSchedule, n: int, more: int
) -> None:
    same = scales(schedule, n) == scales(schedule, n + more)[:n]
    assert same or not schedule.anytime
    assert replace(editor(), guidance=schedule).anytime is schedule.anytime


def test_constant_guidance_is_the_loop_without_a_schedule() -> None:
    plain, _, nfe = edited(editor(), IMAGES)
    flat = replace(editor(), guidance=RampGuidance("linear", end=3.0))
    found, _, cost = edited(flat, IMAGES)
    assert torch.equal(found, plain)
    assert cost == nfe


@pytest.mark.parametrize("schedule", FALLING)
def test_an_edit_is_its_steps_at_their_scales(schedule: GuidanceSchedule) -> None:
    """Step by step, each with the guidance of an editor at that constant scale."""
    whole = replace(editor(n_steps=5), guidance=schedule)
    taken: list[torch.Tensor] = []

    class Constant:
        anytime = True

        def __call__(self, step: int, n_steps: int, scale: float) -> object:
            return schedule(step, 5, scale)

    for n in range(1, 6):
        taken.append(edited(replace(whole, n_steps=n, guidance=Constant()), IMAGES)[0])  # type: ignore[arg-type]
    assert torch.equal(taken[-1], edited(whole, IMAGES)[0])
    assert not torch.equal(taken[-1], edited(editor(n_steps=5), IMAGES)[0])


def test_steps_without_guidance_cost_half() -> None:
    n = len(IMAGES)
    for anchors in (None, Ahead(4), Ahead(32)):
        how = {} if anchors is None else {"anchors": anchors}
        settled = replace(editor(n_steps=5), guidance=SettleGuidance(2))
        assert edited(settled, IMAGES, **how)[2].forwards == n * (3 * 4 + 2 * 2)  # type: ignore[arg-type]
        ramp = replace(editor(n_steps=5), guidance=RampGuidance())
        assert edited(ramp, IMAGES, **how)[2].forwards == n * (4 * 4 + 2)  # type: ignore[arg-type]


def test_the_settling_steps_have_their_learning_rate() -> None:
    still = replace(editor(n_steps=5), guidance=SettleGuidance(2, 1.0, 1e-12))
    short = editor(n_steps=3)
    torch.testing.assert_close(edited(still, IMAGES)[0], edited(short, IMAGES)[0])
    half = replace(editor(n_steps=4), guidance=SettleGuidance(1, 3.0, 0.5))
    z = [edited(edit, IMAGES)[0] for edit in (short, half, editor(n_steps=4))]
    torch.testing.assert_close(z[1] - z[0], (z[2] - z[0]) / 2, rtol=1e-4, atol=1e-5)


class Halving(torch.optim.Optimizer):
    """A descent without a learning rate, as others may write one."""

    def __init__(self, params: object) -> None:
        super().__init__(params, {})  # type: ignore[arg-type]

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for parameter in self.param_groups[0]["params"]:
            parameter -= parameter.grad / 2


def test_an_optimizer_without_a_learning_rate_has_none_to_change() -> None:
    plain = replace(editor(n_steps=4), optimizer=Halving)
    torch.testing.assert_close(
        edited(plain, IMAGES)[0], edited(editor(n_steps=4, lr=0.5), IMAGES)[0]
    )
    with pytest.raises(ValueError, match=r"guidance.rate: expected 1 for Halving, which has no lr"):
        edited(replace(plain, guidance=SettleGuidance(2, rate=0.5)), IMAGES)


@pytest.mark.parametrize("bank", [False, True])
@pytest.mark.parametrize("schedule", FALLING)
def test_anchors_ahead_and_shared_are_those_of_single_steps(
    schedule: GuidanceSchedule, bank: bool
) -> None:
    edit = replace(editor(n_steps=6, fpr=FPR(1, 0.1)), guidance=schedule)
    if bank:
        edit = replace(edit, timesteps=Bank(4))
    cases = [IMAGES[0], IMAGES[1], replace(IMAGES[0], prompt_trg="another")]
    plain, curves, _ = edited(edit, cases, backbone=DoubleWorld())  # type: ignore[arg-type]
    anchors = Ahead(8, MemoryCache(10**9), MemoryCache(10**9))
    for how in (Ahead(5), Ahead(64), anchors, anchors):
        found, others, _ = edited(edit, cases, how, backbone=DoubleWorld())  # type: ignore[arg-type]
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-9)
        torch.testing.assert_close(others["t"], curves["t"])


def source_cost(edit: object, anchors: Anchors) -> int:
    """Forwards of the source halves."""
    scale = [edit.guidance(k, edit.n_steps, 3.0).scale for k in range(edit.n_steps)]  # type: ignore[attr-defined]
    target = sum(1 if w == 1 else 2 for w in scale)
    return edited(edit, IMAGES[:1], anchors)[2].forwards - target  # type: ignore[arg-type]


def test_what_schedules_share() -> None:
    """Anchors at equal scales, and unguided predictions at all: a settled edit is free after one at
    constant guidance.
    """
    constant, settled = editor(n_steps=5), replace(editor(n_steps=5), guidance=SettleGuidance(2))
    halves = Ahead(8, MemoryCache(10**9))
    assert source_cost(constant, halves) == 10
    assert source_cost(settled, halves) == 2  # two steps at scale 1
    assert source_cost(replace(settled, n_steps=7), halves) == 2  # its guided ones are known
    predictions = Ahead(8, None, MemoryCache(10**9))
    assert source_cost(constant, predictions) == 10
    assert source_cost(settled, predictions) == 0
    assert source_cost(replace(constant, guidance=RampGuidance()), predictions) == 0


def test_steps_of_one_scale_are_evaluated_in_one_call() -> None:
    calls: list[list[int]] = []

    class Watched:
        def __call__(self, half: SourceHalf, n_steps: int, start: int = 0) -> Iterator[Anchor]:
            for scale, one in half.halves.items():  # type: ignore[attr-defined]
                object.__setattr__(one, "several", self.watch(one.several, scale))
            return half.several(range(start, n_steps))

        def watch(self, several: object, scale: float) -> object:
            def watched(steps: list[int], *caches: object) -> object:
                calls.append([*steps])
                return several(steps, *caches)  # type: ignore[operator]

            return watched

    edited(replace(editor(n_steps=5), guidance=SettleGuidance(2)), IMAGES, Watched())
    assert calls == [[0, 1, 2], [3, 4]]


def test_denoisers_at_other_scales_share_their_prompts() -> None:
    world = DoubleWorld().world
    y = world.prompt(["", ""])
    guided = Guided(world, y, 7.5)
    prompt = world.prompt(["a", "b"])
    joined = guided.joined(y, prompt)
    assert guided.at(7.5) is guided
    assert guided.at(2.0).guidance_scale == 2.0
    assert guided.at(2.0).joined(y, prompt) is joined
    rows = guided.rows(torch.tensor([1]))
    assert isinstance(rows.joined(rows.y_null, prompt[torch.tensor([1])]), Prompt)
    assert guided.joined(y, prompt) is joined


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: SettleGuidance(0), "guidance.steps: expected 1 or more; got 0"),
        (lambda: SettleGuidance(rate=0.0), "guidance.rate: expected more than 0; got 0.0"),
        (lambda: RampGuidance(over=0), "guidance.over: expected 1 or more, or null; got 0"),
        (
            lambda: replace(editor(n_steps=8), guidance=SettleGuidance(8)),
            "guidance.steps: expected fewer than method.n_steps, which is 8; got 8",
        ),
    ],
)
def test_wrong_values_are_refused(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()  # type: ignore[operator]
