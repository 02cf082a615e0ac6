"""flowedit/*, dvrf/*: the released loops on a rectified-flow transformer, step by step."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from golden_replay.flow_recorder import RecordedStreams, RecordingFlow, Seen, flow_backbone
from golden_replay.recording import Golden, Worst
from golden_replay.verdict import EXACT, Verdict
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
FINAL_F32 = {"flowedit": 1e-4, "dvrf": 5e-5}  # latents of our float32 against their float64


def flowedit(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64; the result in float32 too."""
    hyper = golden.description(name)["hyper"]
    values: dict[str, Any] = {
        "n_steps": hyper["T_steps"],
        "n_max": hyper["n_max"],
        "n_min": hyper["n_min"],
        "n_draws": hyper["n_avg"],
        "source_guidance_scale": hyper["src_guidance_scale"],
        "guidance_scale": hyper["tar_guidance_scale"],
    }
    editor = built(FlowEdit, "flowedit", values)
    return _verdict(golden, name, editor, partial(_flowedit_values, editor, hyper))


def dvrf(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64; the result in float32 too."""
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
    run, grid, x, noise = _run(golden, hyper, editor, torch.float64)
    worst, single = Worst(), Worst()
    ours = dict(values(run, grid, x, noise))
    if "timesteps" in stored:
        ours["timesteps"] = grid.levels[:-1] * 1000
        ours["sigmas"] = torch.cat([grid.sigmas, torch.zeros(1)])
    for key in ours.keys() & stored.keys():
        worst.compare(_stem(key), ours[key], stored[key].to(ours[key].dtype))
    short, _, _, _ = _run(golden, hyper, editor, torch.float32)
    last = f"step{len(short.states) - 1}.z_after"
    single.compare("result f32", short.states[-1], stored["output" if "output" in stored else last])
    known = {"n_draws", *ours}
    unknown = {_stem(key) for key in stored if key not in known and not key.startswith("f32.")}
    allowed = dict.fromkeys(worst.errors, EXACT)
    allowed |= dict.fromkeys(single.errors, FINAL_F32[name.split("/")[0]])
    return Verdict(worst.errors | single.errors, allowed, tuple(sorted(unknown)))


def _run(
    golden: Golden, hyper: Mapping[str, Any], editor: Any, dtype: torch.dtype
) -> tuple[RecordingFlow, FlowGrid, Latent, Tensor]:
    """The finished edit with its grid, its source and the noise that it was given."""
    inputs = golden.inputs_of("sd3")
    x, noise = inputs["x_src"].to(dtype), inputs["noise"].to(dtype)
    backbone = RecordingFlow(flow_backbone(golden, hyper["shift"], dtype))
    case = EditCase("recorded", Shapes(count=1)[0].source, "source", "target")
    subject = LatentImage(x, [case], backbone.decode)
    backbone.subjects.append(subject)
    places = hyper.get("random_indices", ())
    streams = RecordedStreams(("recorded",), noise=noise, places=places)
    editor(EditContext(backbone, streams, backbone), subject)
    grid = flow_grid(backbone.schedule, hyper["T_steps"], editor.t_max, x.device)
    return backbone, grid, x, noise


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
    """Our values under the names of the recording; the gradient as it moved z. At a learning rate
    of 0, that of the first step alone, it is the velocity: z is the source.
    """
    ours: dict[str, Tensor] = {}
    first = editor.grid_size - editor.n_steps if editor.order == "descending" else 0
    before = x
    for n, (calls, z) in enumerate(zip(run.calls, run.states, strict=False)):
        lr = torch.as_tensor(editor.learning_rate(grid, first + n), dtype=torch.float64)
        ours |= _draws(f"step{n}", calls, hyper, "tgt")
        ours |= {f"step{n}.z_after": z, f"step{n}.lr": lr, f"step{n}.i": torch.tensor(first + n)}
        mean = ours[f"step{n}.V_delta_avg"]
        ours[f"step{n}.grad"] = (before - z) / lr if lr else mean
        before = z
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


def _stem(key: str) -> str:
    """`Vt_src` of `step3.k0.Vt_src`."""
    return key.rsplit(".", 1)[-1]
