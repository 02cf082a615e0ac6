"""ssd/*: the released loop of stable score distillation, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from golden_replay.editor import some
from golden_replay.recorder import RecordingBackbone, RecordingProgress, Step
from golden_replay.recording import Golden
from golden_replay.runs import compare_runs
from golden_replay.verdict import Verdict
from ids.backbones.free_u import FreeU
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.records import Draw, EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.diffusion import Annealed
from ids.editing import DistillationEditor
from ids.representations import LatentImage

AFTER, ALONG = 5e-5, 1e-4  # float32: latents after a step; gradients, outputs of the network
LIMITS = {"z_trg_after": AFTER, "grad": ALONG, "unet_out4": ALONG}


def stable_score_distillation(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64, gradients and latents in float32."""
    hyper = golden.description(name)["hyper"]
    if hyper["optimizer"] != "SGD":
        raise ValueError(f"expected the optimizer SGD; got {hyper['optimizer']}")
    exact, single = (_run(golden, hyper, dtype) for dtype in (torch.float64, torch.float32))
    return compare_runs(golden.tensors(name), exact, single, LIMITS)


def editor_of(hyper: Mapping[str, Any]) -> DistillationEditor:
    """The editor that `ids run method=ssd` builds for these values."""
    n = hyper["diffusion_steps"]
    overrides = {
        "method.n_steps": hyper["steps"],
        "method.grad_scale": 1.0,
        "method.guidance_scale": hyper["guidance_scale"],
        "method.optimizer.lr": hyper["lr"],
        "method.timesteps.low": int(n * hyper["min_step_percent"]),
        "method.timesteps.high": int(n * hyper["max_step_percent"]),
        "method.timesteps.over": hyper["max_iteration"],
        "method.distillation.image_scale": hyper["image_scale"],
        "method.distillation.enhance_scale": hyper["enhance_scale"],
        "method.distillation.identity": hyper["identity_weight"],
    }
    words = ["method=ssd", *(f"{key}={value!r}" for key, value in overrides.items())]
    (setting,) = compose_all(words)
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, DistillationEditor)
    return editor


@dataclass(frozen=True)
class _RecordedNoise:
    """The editor's timesteps from an iteration on, with recorded noise. Past its last iteration the
    released counter falls on, below `low`; ours begins again, so that there the timestep is theirs.
    """

    timesteps: Annealed
    start: int
    noise: Tensor  # [steps, 1, C, H, W]
    steps: list[Step]

    def draw(self, z_src: Tensor, rng: Streams) -> Draw:
        drawn = self.timesteps.draw(z_src, rng.at(self.start + rng.step))
        if (past := self.start + rng.step - self.timesteps.over) >= 0:
            low, high, over = self.timesteps.low, self.timesteps.high, self.timesteps.over
            drawn = replace(drawn, t=torch.tensor([int(low - (high - low) * past / over) + 1]))
        self.steps.append(Step(t=drawn.t))
        return replace(drawn, eps=self.noise[rng.step].to(z_src))


def _run(golden: Golden, hyper: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Tensor]:
    """Our values under the names of the recordings."""
    editor, steps = editor_of(hyper), list[Step]()
    assert isinstance(editor.timesteps, Annealed)
    noise = _RecordedNoise(
        editor.timesteps, hyper.get("iteration_start", 0), golden.inputs["noise"], steps
    )
    backbone, given = RecordingBackbone(golden.backbone(dtype)), list[Tensor]()
    unet: Any = backbone.backbone.denoiser.unet
    if hyper.get("freeu"):
        FreeU(*(hyper[f"freeu_{factor}"] for factor in ("b1", "b2", "s1", "s2"))).register(unet)
    unet.register_forward_pre_hook(lambda _, args: given.append(args[0].clone()))
    z_src = golden.inputs["z_src"].to(dtype)
    case = EditCase("recorded", Shapes(count=1)[0].source, "source", "target")
    subject = LatentImage(z_src, [case], backbone.decode)
    progress = RecordingProgress(subject, steps)
    context = EditContext(backbone, Streams(("recorded",)), progress)
    replace(editor, timesteps=noise)(context, subject)
    found = dict[str, Tensor]()
    for index, (step, pair) in enumerate(zip(steps, _pairs(given, backbone), strict=True)):
        values = _values(step, *pair, backbone.schedule.n_timesteps)
        found |= {f"step{index}.{key}": value for key, value in values.items()}
    return found


def _pairs(
    given: list[Tensor], backbone: RecordingBackbone
) -> list[tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]:
    """Inputs and outputs of the source half and the target half, by step."""
    calls = list(zip(given, backbone.outputs, strict=True))
    return list(zip(calls[::2], calls[1::2], strict=True))


def _values(
    step: Step, source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor], n_timesteps: int
) -> dict[str, Tensor]:
    t, gradient = some(step.t), some(step.gradient)
    square = gradient.square().sum()
    return {
        "t": t,
        "t_normalized": (t[0] - 1).double() / n_timesteps,
        "z_t_src": source[0],
        "z_t_trg": target[0][:1],
        "unet_out4": torch.cat([source[1], target[1]]),
        "grad": gradient,
        "grad_norm": square.sqrt(),
        "loss_dds": square / 2,
        "z_trg_after": some(step.z_trg),
    }
