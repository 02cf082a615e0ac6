"""pnp/pnp: the released inversion, reconstruction and injected sampling, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from golden_replay.recorder import RecordingBackbone
from golden_replay.recording import Golden, Worst
from golden_replay.verdict import DRIFT, EXACT, Verdict
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext, Editor
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.methods import DDIMInversion
from ids.methods.inversion import InversionRequest
from ids.representations import LatentImage

SITES = {
    "up1_resnet1_out": "up_blocks.1.resnets.1",
    "up1_attn1_block1_out": "up_blocks.1.attentions.1.transformer_blocks.0.attn1",
}


@dataclass
class Steps:
    """Records the input and output of every network pass, and the outputs of two modules."""

    unet: nn.Module
    backbone: RecordingBackbone
    given: list[Tensor] = field(default_factory=list)
    seen: dict[str, list[Tensor]] = field(default_factory=lambda: {name: [] for name in SITES})

    def __post_init__(self) -> None:
        def note(_: nn.Module, given: tuple[Any, ...]) -> None:
            self.given.append(given[0].detach().clone())

        self.unet.register_forward_pre_hook(note)
        for name, site in SITES.items():
            kept = self.seen[name]

            def keep(_: nn.Module, __: Any, h: Tensor, kept: list[Tensor] = kept) -> None:
                kept.append(h.detach().clone())

            self.unet.get_submodule(site).register_forward_hook(keep)

    def step(self) -> None:
        pass


def plug_and_play(golden: Golden, name: str) -> Verdict:
    """In float64; the ends in float32 too."""
    description, stored = golden.description(name), golden.tensors(name)
    exact, single = Worst(), Worst()
    for dtype, worst in ((torch.float64, exact), (torch.float32, single)):
        _inversion(golden, description, stored, dtype, worst)
        for case in description["cases"]:
            _case(golden, description, case, stored, dtype, worst)
    drifted = {f"{key} f32": error for key, error in single.errors.items()}
    allowed = dict.fromkeys(exact.errors, EXACT) | dict.fromkeys(drifted, DRIFT)
    return Verdict(exact.errors | drifted, allowed)


def _inversion(
    golden: Golden,
    description: Mapping[str, Any],
    stored: Mapping[str, Tensor],
    dtype: torch.dtype,
    worst: Worst,
) -> None:
    n = description["num_steps"]
    backbone = golden.backbone(dtype, "sd4")
    z_0 = golden.inputs_sd4["z_0"].to(dtype)
    overrides = [f"inversion.n_steps={n}"]
    (setting,) = compose_all(["method=reconstruction", *overrides])
    editor = build(setting.values["method"], "method")
    steps = Steps(backbone.denoiser.unet, RecordingBackbone(backbone))
    assert isinstance(editor.inversion, DDIMInversion)
    with torch.no_grad():
        times = editor.inversion.times(backbone.schedule)
        y_src, y_null = backbone.prompt(["source"]), backbone.prompt([""])
        request = InversionRequest(y_src, y_null, guidance_scale=1.0, wanted=times)
        context = EditContext(backbone, Streams(("recorded",)), steps)
        inverted = editor.inversion(context, z_0, request)
    states = torch.stack([inverted.states[t] for t in reversed(times)])
    worst.compare("inverted_latents", states, stored["inverted_latents"])
    worst.compare("timesteps", torch.tensor(times[:-1]), stored["timesteps"])
    worst.compare("reconstruction", _edited(editor, steps, z_0), stored["reconstruction"])


def _case(
    golden: Golden,
    description: Mapping[str, Any],
    case: Mapping[str, Any],
    stored: Mapping[str, Tensor],
    dtype: torch.dtype,
    worst: Worst,
) -> None:
    n = description["num_steps"]
    words = [
        "method=pnp",
        f"inversion.n_steps={n}",
        f"method.n_steps={n}",
        f"method.guidance_scale={description['guidance']!r}",
        f"method.conv_share={_share(case['conv_injection_steps'], n)!r}",
        f"method.attention_share={_share(case['qk_injection_steps'], n)!r}",
        "method.negative_prompt=negative",
        "sites=stable_diffusion",
    ]
    (setting,) = compose_all(words)
    backbone = golden.backbone(dtype, "sd4")
    steps = Steps(backbone.denoiser.unet, RecordingBackbone(backbone))
    z = _edited(
        build(setting.values["method"], "method"), steps, golden.inputs_sd4["z_0"].to(dtype)
    )
    worst.compare("x", z, stored[f"{case['name']}.step{n - 1}.x"])
    if dtype == torch.float32:
        return
    for index in range(n):
        if index:
            reached = steps.given[n + index][1:2]
            worst.compare("x", reached, stored[f"{case['name']}.step{index - 1}.x"])
        for key, answers in {"unet_out3": steps.backbone.outputs, **steps.seen}.items():
            recorded = f"{case['name']}.step{index}.{key}"
            if recorded in stored:
                worst.compare(key, answers[n + index], stored[recorded])


def _share(steps: int, n: int) -> float:
    """A share that rounds to this number of steps."""
    return min((max(steps, 0) + 0.5) / n, 1.0)


def _edited(editor: Editor, steps: Steps, z_0: Tensor) -> Tensor:
    source = Shapes(count=1)[0].source
    case = EditCase("recorded", source=source, prompt_src="source", prompt_trg="target")
    subject = LatentImage(z_0, [case], steps.backbone.decode)
    editor(EditContext(steps.backbone, Streams(("recorded",)), steps), subject)
    return subject.z_trg.detach()
