"""The reference loops of the benchmarks: they compute what the released code computes, at its cost,
and agree with the engine.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from conftest import GOLDEN, ROOT
from golden_replay.editor import editor_of as editor_of_recording
from golden_replay.recording import Golden, RecordedDraws, RecordedRandomness
from golden_replay.trajectory import _of_step, _permutations
from golden_replay.verdict import DRIFT, EXACT
from torch import Tensor

from ids.core.prompt import Prompts
from ids.core.rng import Streams

sys.path.insert(0, str(ROOT / "benchmarks"))

from loops.counts import (
    allowed_counts,
    engine_counts,
    loop_counts,
    released_counts,
    shared_counts,
)
from loops.editors import distillation
from loops.plain import plain
from loops.released import released
from loops.steps import Task, edited, states
from loops.tasks import engine_edit, tasks_of
from loops.worlds import random_latents, shape_cases, small_random

CPU = torch.device("cpu")
RECORDED = Golden(GOLDEN)
METHODS = ("sds", "dds", "cds", "pds", "ids")
AGREE = 1e-4  # relative, after 20 steps in float32


def recorded_states(
    name: str, loop: Any, dtype: torch.dtype
) -> tuple[list[Tensor], Mapping[str, Tensor], int]:
    hyper, stored = RECORDED.description(name)["hyper"], RECORDED.tensors(name)
    orders = [_permutations(_of_step(stored, index)) for index in range(hyper["steps"])]
    eps = RECORDED.inputs["eps"].to(dtype)
    source = RecordedDraws(RECORDED.inputs["timesteps"], eps, orders)
    z_src, backbone = RECORDED.inputs["z_src"].to(dtype), RECORDED.backbone(dtype)
    rng = Streams(("recorded",))
    draws = [source.draw(z_src, rng.at(step)) for step in range(hyper["steps"])]
    y = Prompts(*(backbone.prompt([text]) for text in ("source", "target", "")))
    editor = editor_of_recording(hyper, z_src)
    made = [z.clone() for z in states(loop(backbone), editor, Task(z_src, y, draws))]
    return made, stored, hyper["steps"]


SLOW = pytest.mark.slow
PATHS = [
    ("traj/dds", released, torch.float64, EXACT),
    pytest.param("traj/cds", released, torch.float64, EXACT, marks=SLOW),
    ("traj/ids_N3_lam1.0", released, torch.float64, EXACT),
    pytest.param("traj/cds_defaultpatches", released, torch.float64, EXACT, marks=SLOW),
    pytest.param("traj/ids_N3_lam1.0", released, torch.float32, DRIFT, marks=SLOW),
    pytest.param("traj/cds", plain, torch.float64, EXACT, marks=SLOW),
    pytest.param("traj/ids_N3_lam1.0", plain, torch.float64, EXACT, marks=SLOW),
]


@pytest.mark.parametrize(("name", "loop", "dtype", "limit"), PATHS)
def test_recorded_trajectories_are_reproduced(
    name: str, loop: Any, dtype: torch.dtype, limit: float
) -> None:
    made, stored, steps = recorded_states(name, loop, dtype)
    assert len(made) == steps
    for index, z_trg in enumerate(made):
        assert (z_trg - stored[f"step{index}.z_trg_after"]).abs().max() < limit


def once(hyper: dict[str, Any], t: int, noises: Mapping[str, Tensor], t_prev: int = 0) -> Tensor:
    """The gradient of one step of the reference loop from the recorded target."""
    backbone, z_src = RECORDED.backbone(torch.float64), RECORDED.inputs["z_src"].double()
    editor = replace(editor_of_recording(hyper, z_src), n_steps=1)
    inner = [RecordedRandomness(noise=noises.get("noise_t_prev"))]
    source = RecordedDraws(
        torch.tensor([t]), noises["noise"][None].double(), inner, torch.tensor([t_prev])
    )
    draw = source.draw(z_src, Streams(("recorded",)))
    y = Prompts(*(backbone.prompt([text]) for text in ("source", "target", "")))
    task = Task(z_src, y, [draw], z_trg=RECORDED.inputs["z_trg_alt"].double())
    z_trg = edited(released(backbone), editor, task)
    return (task.start - z_trg) / editor.optimizer([torch.nn.Parameter(z_trg)]).defaults["lr"]


@pytest.mark.parametrize("rule", ["dds", "sds"])
@pytest.mark.parametrize("case", RECORDED.description("single/google_dds")["cases"][3:])
def test_gradients_of_the_notebook_are_reproduced(case: dict[str, Any], rule: str) -> None:
    stored = RECORDED.tensors("single/google_dds")
    hyper = {"method": rule, "guidance": case["guidance"]}
    g = once(hyper, case["t"], {"noise": RECORDED.inputs["eps"][0]})
    assert (g - stored[f"c{case['case']}.{rule}.grad_2000x"]).abs().max() < EXACT


@pytest.mark.parametrize("case", RECORDED.description("single/pds_repo")["cases"][1:2])
def test_gradients_of_pds_are_reproduced(case: dict[str, Any]) -> None:
    stored = RECORDED.tensors("single/pds_repo")
    hyper = {"method": "pds", "guidance": case["guidance"], "grad_scale": 1.0}
    g = once(hyper, case["t"], stored, case["t_prev"])
    assert (g - stored[f"c{case['case']}.pds.grad"]).abs().max() < EXACT


@pytest.mark.parametrize(
    ("method", "n_steps"),
    [("cds", 2), ("pds", 2), *(pytest.param(m, 20, marks=SLOW) for m in METHODS)],
)
def test_engine_and_loops_agree(method: str, n_steps: int) -> None:
    backbone, editor = small_random(CPU), distillation(method, n_steps)
    cases, z_src = shape_cases(1), random_latents(1, (4, 8, 8), CPU)
    (task,) = tasks_of(editor, backbone, z_src, cases)
    ours = engine_edit(editor, backbone, z_src, cases)
    assert not torch.equal(ours, z_src)
    for loop in (released, plain):
        theirs = edited(loop(backbone), editor, task)
        assert (theirs - ours).norm() / ours.norm() <= AGREE


@pytest.mark.parametrize(("method", "n_iters"), [*((m, 3) for m in METHODS), ("ids", 1)])
def test_evaluations_of_a_step(method: str, n_iters: int) -> None:
    backbone, cases = small_random(CPU), shape_cases(2)
    editor = distillation(f"{method} fpr.n_iters={n_iters}", 1)
    z_src = random_latents(2, (4, 8, 8), CPU)
    task = tasks_of(editor, backbone, z_src, cases)[0]
    assert loop_counts(released(backbone), editor, task) == released_counts(n_iters)[method]
    ours, most = engine_counts(editor, backbone, z_src, cases), allowed_counts(n_iters)[method]
    assert ours.forwards <= most.forwards
    assert ours.backwards <= most.backwards


@pytest.mark.parametrize("method", ["dds", "ids"])
def test_prompts_of_an_image_share_its_source_half(method: str) -> None:
    backbone, editor = small_random(CPU), distillation(method, 2)
    pool = shape_cases(3)
    cases = [replace(pool[0], prompt_trg=other.prompt_trg) for other in pool]
    z_src = random_latents(1, (4, 8, 8), CPU).repeat(3, 1, 1, 1)
    ours, most = engine_counts(editor, backbone, z_src, cases), shared_counts(3, 3)[method]
    assert ours.forwards <= most.forwards + 1e-9
    assert ours.backwards <= most.backwards + 1e-9


def test_the_released_network_costs_what_it_should() -> None:
    backbone = small_random(CPU)
    theirs, ours = released(backbone), plain(backbone)
    trained = {name for name, p in theirs.unet.named_parameters() if p.requires_grad}
    assert trained
    assert all(".attn1." in name for name in trained)
    assert not any(p.requires_grad for p in ours.unet.parameters())
    assert theirs.waits
    assert not ours.waits
    weights = dict(backbone.denoiser.unet.named_parameters())
    for loop in (theirs, ours):  # no second copy of the weights in memory
        same = {n: p.data_ptr() == weights[n].data_ptr() for n, p in loop.unet.named_parameters()}
        assert all(same.values())
    assert not any(p.requires_grad for p in weights.values())
