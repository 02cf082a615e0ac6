"""infedit/*: the released DDCM sampling without attention control, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from golden_replay.recorder import RecordingBackbone
from golden_replay.recording import Golden
from golden_replay.runs import compare_runs
from golden_replay.verdict import Verdict
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.prompt import Prompts
from ids.core.rng import Streams
from ids.diffusion.consistency import consistency_times
from ids.diffusion.ddim import Times
from ids.methods import InfEdit

LIMITS = dict.fromkeys(("output", "latents", "unet_out"), 1e-3)  # float32
STATES = ("source_latents", "latents", "mutual_latents")
CLEAN = ("pred_x0", "pred_xm")


def infedit(golden: Golden, name: str) -> Verdict:
    """Every branch of every step in float64, the edit in float32. At eta 1 the mutual branch has no
    effect: it is not evaluated, and not compared. The network's rows are those that ours evaluates.
    """
    hyper, stored = golden.description(name)["hyper"], golden.tensors(name)
    runs = [_Run.of(golden, hyper, dtype) for dtype in (torch.float64, torch.float32)]
    rows = runs[0].rows
    stored = {k: x[rows] if k.endswith(("unet_in", "unet_out")) else x for k, x in stored.items()}
    aside = ("pred_xm", "mutual_latents") if hyper["eta"] == 1 else ()
    exact, single = (run.values() for run in runs)
    return compare_runs(stored, exact, single, LIMITS, aside)


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
    """The recorded draws: that of the start, and one per step. They are counted."""

    noise: Tensor = field(kw_only=True)
    drawn: list[str] = field(default_factory=list)

    def normal(self, name: str, like: Tensor) -> Tensor:
        self.drawn.append(name)
        return self.noise[0 if name == "eps" else 1 + self.step].to(like)


@dataclass(frozen=True)
class _Run:
    """A finished edit: timesteps, inputs and outputs of the network by step, the branches after
    each step and their clean latents, and the number of draws.
    """

    editor: InfEdit
    times: Times
    given: list[Tensor]
    outputs: list[Tensor]
    branches: list[list[Tensor]]
    clean: list[list[Tensor]]
    n_draws: int

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
        clean = [z for _, z in steps]
        return cls(editor, times, given, backbone.outputs, branches, clean, len(rng.drawn))

    def values(self) -> dict[str, Tensor]:
        """Under the names of the recordings."""
        editor = self.editor
        grid = consistency_times(editor.n_steps, editor.original_steps, 1000)
        found = {
            "output": self.clean[-1][0],
            "scheduler_timesteps": torch.tensor(grid),  # those that are not sampled included
            "n_steps": torch.tensor(len(self.times)),
            "n_draws": torch.tensor(self.n_draws),
        }
        for step, t in enumerate(self.times):
            named = dict(zip(STATES, self.branches[step], strict=False))
            named |= dict(zip(CLEAN, self.clean[step], strict=False)) | {"t": torch.tensor([t])}
            named |= {"unet_in": self.given[step], "unet_out": self.outputs[step]}
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
