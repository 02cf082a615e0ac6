"""infedit/*: the released DDCM sampling without attention control, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from golden_replay.recorder import RecordingBackbone
from golden_replay.recording import Golden, Worst
from golden_replay.verdict import EXACT, Verdict
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.prompt import Prompts
from ids.core.rng import Streams
from ids.diffusion.consistency import consistency_times
from ids.diffusion.ddim import Times
from ids.methods import InfEdit

AFTER = 1e-3  # float32 against float64
STATES = ("source_latents", "latents", "mutual_latents")
CLEAN = ("pred_x0", "pred_xm")


def infedit(golden: Golden, name: str) -> Verdict:
    """Every branch of every step in float64, the edit in float32. At eta 1 the mutual branch is
    not evaluated, and not compared.
    """
    hyper, stored = golden.description(name)["hyper"], golden.tensors(name)
    exact, single = Worst(), Worst()
    run = _Run.of(golden, hyper, torch.float64)
    values = run.values()
    for key, value in values.items():
        if key in stored:
            exact.compare(key.rpartition(".")[2], value, stored[key])
    exact.compare("scheduler_timesteps", _grid(run), stored["scheduler_timesteps"])
    exact.compare("n_steps", torch.tensor(len(run.times)), stored["n_steps"])
    for step, tensors in enumerate(zip(run.given, run.outputs, strict=True)):
        for key, ours in zip(("unet_in", "unet_out"), tensors, strict=True):
            if f"step{step}.{key}" in stored:
                exact.compare(key, ours, stored[f"step{step}.{key}"][run.rows])
            values[f"step{step}.{key}"] = ours
    for key, value in _Run.of(golden, hyper, torch.float32).values().items():
        if key in stored and (key == "output" or key.endswith(".latents")):
            single.compare(f"{key.rpartition('.')[2]} f32", value, stored[key])
    allowed = dict.fromkeys(exact.errors, EXACT) | dict.fromkeys(single.errors, AFTER)
    known = {*values, "scheduler_timesteps", "n_steps", "n_draws"}
    return Verdict(exact.errors | single.errors, allowed, _unknown(stored, known, hyper["eta"]))


def _unknown(stored: Mapping[str, Tensor], known: set[str], eta: float) -> tuple[str, ...]:
    """What was not compared, the branch without an effect aside."""
    mutual = {"pred_xm", "mutual_latents"} if eta == 1 else set[str]()
    left = (key for key in stored if key not in known and not key.startswith("f32."))
    return tuple(sorted(key for key in left if key.rpartition(".")[2] not in mutual))


def _grid(run: "_Run") -> Tensor:
    """All timesteps, those that are not sampled included."""
    editor = run.editor
    return torch.tensor(consistency_times(editor.n_steps, editor.original_steps, 1000))


def editor_of(hyper: Mapping[str, Any]) -> InfEdit:
    """The editor that `ids run method=infedit` builds for these values."""
    overrides = {
        "n_steps": hyper["num_inference_steps"],
        "original_steps": hyper["original_inference_steps"],
        "strength": float(hyper["strength"]) if hyper["denoise_model"] else 1.0,  # as released
        "start": "source" if hyper["denoise_model"] else "noise",
        "eta": float(hyper["eta"]),
        "guidance_scale": float(hyper["guidance_scale"]),
        "source_guidance_scale": float(hyper["source_guidance_scale"]),
    }
    words = ["method=infedit", *(f"method.{key}={value}" for key, value in overrides.items())]
    (setting,) = compose_all(words)
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, InfEdit)
    return editor


@dataclass(frozen=True)
class _RecordedNoise(Streams):
    """The recorded draws: that of the start, and one per step."""

    noise: Tensor = field(default_factory=lambda: torch.zeros(0))

    def normal(self, name: str, like: Tensor) -> Tensor:
        return self.noise[0 if name == "eps" else 1 + self.step].to(like)


@dataclass(frozen=True)
class _Run:
    """A finished edit: timesteps, inputs and outputs of the network by step, the branches after
    each step and their clean latents.
    """

    editor: InfEdit
    times: Times
    given: list[Tensor]
    outputs: list[Tensor]
    branches: list[list[Tensor]]
    clean: list[list[Tensor]]

    @classmethod
    def of(cls, golden: Golden, hyper: Mapping[str, Any], dtype: torch.dtype) -> "_Run":
        editor, given = editor_of(hyper), list[Tensor]()
        backbone = RecordingBackbone(golden.backbone(dtype))
        unet: Any = backbone.backbone.denoiser.unet
        unet.register_forward_pre_hook(lambda _, args: given.append(args[0].clone()))
        y = Prompts(*(backbone.prompt([text]) for text in ("source", "target", "")))
        rng = _RecordedNoise(("recorded",), noise=golden.inputs["noise"])
        z_src = golden.inputs["z_src"].to(dtype)
        with torch.no_grad():
            steps = list(editor.steps(EditContext(backbone, rng), z_src, y))
        branches = [[branch.z_t for branch in found] for found, _ in steps]
        times = editor.times(backbone.schedule)
        return cls(editor, times, given, backbone.outputs, branches, [z for _, z in steps])

    def values(self) -> dict[str, Tensor]:
        """Under the names of the recordings, inputs and outputs of the network aside."""
        found = {"output": self.clean[-1][0]}
        for step, t in enumerate(self.times):
            named = dict(zip(STATES, self.branches[step], strict=False))
            named |= dict(zip(CLEAN, self.clean[step], strict=False)) | {"t": torch.tensor([t])}
            found |= {f"step{step}.{key}": value for key, value in named.items()}
        return found

    @property
    def rows(self) -> list[int]:
        """Of each of our network's rows, the recorded one: all branches under the null prompt, then
        all under theirs.
        """
        guided, rows = self.editor.guidance_scale > 1, list[int]()
        scales = [self.editor.source_guidance_scale, self.editor.guidance_scale]
        for branch in range(len(self.branches[0])):
            if guided and scales[branch % 2] != 1:
                rows.append(branch)
            rows.append(branch + 3 * guided)
        return rows
