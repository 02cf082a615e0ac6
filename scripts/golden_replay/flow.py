"""flowedit/*, dvrf/*: the released loops on a rectified-flow transformer, step by step."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from golden_replay.flow_recorder import (
    RecordedStreams,
    RecordingFlow,
    Seen,
    flow_backbone,
    run_recorded,
)
from golden_replay.recording import Golden
from golden_replay.runs import compare_runs
from golden_replay.verdict import Verdict
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.records import EditCase
from ids.core.tensors import Latent
from ids.data.shapes import Shapes
from ids.diffusion.guidance import guide
from ids.diffusion.velocity import FlowGrid, flow_grid, mix
from ids.methods import DVRF, FlowEdit
from ids.representations import LatentImage

E = TypeVar("E")
SILENT_LR = 0.02  # what the released DVRF takes in place of a whole number
ALONG = dict.fromkeys(("grad", "V_delta_avg", "Vt_src", "Vt_tar", "Vt_tgt"), 1e-4)  # float32
STATES = {  # latents in float32
    "flowedit": dict.fromkeys(("output", "zt_edit", "xt_tar"), 1e-4),
    "dvrf": {"z_after": 5e-5, "lr": 1e-6},
}


def flowedit(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64; velocities and latents in float32 too."""
    hyper = golden.description(name)["hyper"]
    values: dict[str, Any] = {
        "n_steps": hyper["T_steps"],
        "n_max": min(hyper["n_max"], hyper["T_steps"]),  # more run all steps, as released
        "n_min": hyper["n_min"],
        "n_draws": hyper["n_avg"],
        "source_guidance_scale": hyper["src_guidance_scale"],
        "guidance_scale": hyper["tar_guidance_scale"],
    }
    editor = built(FlowEdit, "flowedit", values)
    return _verdict(golden, name, editor, partial(_flowedit_values, editor, hyper))


def dvrf(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64; gradients and latents in float32 too."""
    hyper = golden.description(name)["hyper"]
    if hyper["optimizer"] != "SGD":
        raise ValueError(f"expected the optimizer SGD; got {hyper['optimizer']}")
    lr: Any = hyper["lr"] if isinstance(hyper["lr"], str | float) else SILENT_LR
    values: dict[str, Any] = {
        "n_steps": hyper["num_steps"],
        "grid_size": hyper["T_steps"],
        "order": hyper["scheduler_strategy"],
        "lr": lr,
        "eta": hyper["eta"],
        "n_draws": hyper["B"],
        "source_guidance_scale": hyper["src_guidance_scale"],
        "guidance_scale": hyper["tgt_guidance_scale"],
    }
    editor = built(DVRF, "dvrf", values)
    return _verdict(golden, name, editor, partial(_dvrf_values, editor, hyper))


def built(kind: type[E], method: str, values: Mapping[str, Any]) -> E:
    """The editor that `ids run method=...` builds for these values."""
    words = [f"method.{key}={value!r}" for key, value in values.items()]
    (setting,) = compose_all([f"method={method}", *words])
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, kind)
    return editor


Values = Callable[[RecordingFlow, FlowGrid, Latent, Tensor], Mapping[str, Tensor]]


def _verdict(golden: Golden, name: str, editor: Any, values: Values) -> Verdict:
    stored = golden.tensors(name)
    hyper = golden.description(name)["hyper"]
    exact, single = (_run(golden, hyper, editor, d, values) for d in (torch.float64, torch.float32))
    return compare_runs(stored, exact, single, ALONG | STATES[name.split("/")[0]])


def _run(
    golden: Golden, hyper: Mapping[str, Any], editor: Any, dtype: torch.dtype, values: Values
) -> dict[str, Tensor]:
    """Our values under the names of the recording."""
    inputs = golden.inputs_of("sd3")
    x, noise = inputs["x_src"].to(dtype), inputs["noise"].to(dtype)
    backbone = RecordingFlow(flow_backbone(golden, hyper["shift"], dtype))
    case = EditCase("recorded", Shapes(count=1)[0].source, "source", "target")
    subject = LatentImage(x, [case], backbone.decode)
    backbone.subjects.append(subject)
    places = hyper.get("random_indices", ())
    streams = RecordedStreams(("recorded",), noise=noise, places=places)
    run_recorded(editor, EditContext(backbone, streams, backbone), subject, backbone)
    grid = flow_grid(backbone.schedule, hyper["T_steps"], editor.t_max, x.device)
    return {
        **values(backbone, grid, x, noise),
        "timesteps": grid.levels[:-1] * 1000,
        "sigmas": torch.cat([grid.sigmas, torch.zeros(1)]),
        "n_draws": torch.tensor(streams.n_draws),
    }


def _flowedit_values(
    editor: FlowEdit,
    hyper: Mapping[str, Any],
    run: RecordingFlow,
    grid: FlowGrid,
    x: Latent,
    noise: Tensor,
) -> dict[str, Tensor]:
    """Our values under the names of the recording."""
    ours: dict[str, Tensor] = {"output": run.states[-1]}
    first = editor.n_steps - editor.n_max
    for step, calls, z in zip(range(first, editor.n_steps), run.calls, run.states, strict=False):
        if step < editor.n_steps - editor.n_min:
            ours |= _draws(f"step{step}", calls, hyper, "tar")
            ours[f"step{step}.zt_edit"] = z
            continue
        (call,) = calls
        if step == editor.n_steps - editor.n_min:
            ours["sdedit_init.xt_tar"] = call.z
            drawn = noise[(editor.n_max - editor.n_min) * editor.n_draws]
            ours["sdedit_init.xt_src"] = mix(grid.sigmas[step], x, drawn)
        scale = hyper["tar_guidance_scale"]
        ours[f"step{step}.Vt_tar"] = guide(call.v_null, call.v_y, scale)
        ours[f"step{step}.xt_tar"] = z
    return ours


def _dvrf_values(
    editor: DVRF,
    hyper: Mapping[str, Any],
    run: RecordingFlow,
    grid: FlowGrid,
    x: Latent,
    noise: Tensor,
) -> dict[str, Tensor]:
    """Our values under the names of the recording."""
    ours: dict[str, Tensor] = {}
    first = editor.grid_size - editor.n_steps if editor.order == "descending" else 0
    steps = zip(run.calls, run.gradients, run.states, strict=False)
    for n, (calls, gradient, z) in enumerate(steps):
        lr = torch.as_tensor(editor.learning_rate(grid, first + n), dtype=torch.float64)
        ours |= _draws(f"step{n}", calls, hyper, "tgt")
        seen = {"grad": gradient, "z_after": z, "lr": lr, "i": torch.tensor(first + n)}
        ours |= {f"step{n}.{key}": value for key, value in seen.items()}
    return ours


def _draws(
    step: str, calls: Sequence[Seen], hyper: Mapping[str, Any], target: str
) -> dict[str, Tensor]:
    """The draws of a step, source and target in turn, and their mean difference."""
    ours: dict[str, Tensor] = {}
    scales = {"src": hyper["src_guidance_scale"], target: hyper[f"{target}_guidance_scale"]}
    differences = []
    for k, pair in enumerate(zip(calls[::2], calls[1::2], strict=True)):
        v = {}
        for call, (side, scale) in zip(pair, scales.items(), strict=True):
            v[side] = guide(call.v_null, call.v_y, scale)
            ours[f"{step}.k{k}.zt_{side}"] = call.z
            ours[f"{step}.k{k}.Vt_{side}"] = v[side]
            ours[f"{step}.k{k}.t"] = call.t
        differences.append(v[target] - v["src"])
    ours[f"{step}.V_delta_avg"] = torch.stack(differences).mean(0)
    return ours
