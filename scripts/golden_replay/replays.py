"""One replay per kind of recording: configure as `ids run` would, run, compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from golden_replay.recording import Golden, RecordedDraws, Worst
from golden_replay.witness import ListeningBackbone, ListeningProgress, ListeningRule, Step
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.diffusion import VP, Guided, diffuse, predict_eps, predict_z0
from ids.editing import DistillationEditor
from ids.methods import FPR, Refined
from ids.representations import LatentImage

T = TypeVar("T")
EXACT, SINGLE, DRIFT = (
    1e-9,
    1e-5,
    5e-4,
)  # float64; float32; float32 against float64 after some steps


@dataclass(frozen=True)
class Verdict:
    """Errors by name, and the largest that is allowed for each."""

    errors: Mapping[str, float]
    allowed: Mapping[str, float]

    @property
    def ok(self) -> bool:
        return bool(self.errors) and all(e <= self.allowed[name] for name, e in self.errors.items())


def trajectory(golden: Golden, name: str) -> Verdict:
    """traj/*: DDS and IDS, every intermediate of every step in float64, the path in float32 too."""
    hyper, stored = golden.description(name)["hyper"], golden.tensors(name)
    worst = Worst()
    steps, editor, backbone = _run(golden, hyper, torch.float64)
    for index, step in enumerate(steps):
        prefix = f"step{index}."
        view = {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}
        _compare_step(worst, step, view, editor, backbone, golden)
    allowed = dict.fromkeys(worst.errors, EXACT)
    single = Worst()
    for index, step in enumerate(_run(golden, hyper, torch.float32)[0]):
        single.compare("z_trg_after f32", _some(step.z_trg), stored[f"step{index}.z_trg_after"])
    return Verdict(worst.errors | single.errors, allowed | dict.fromkeys(single.errors, DRIFT))


def google_dds(golden: Golden, name: str) -> Verdict:
    """single/google_dds: the notebook's DDS and SDS gradients, times 2000 / (H W)."""
    stored, worst = golden.tensors(name), Worst()
    for case in golden.description(name)["cases"]:
        for rule in ("dds", "sds"):
            hyper = _hyper(method=rule, guidance=case["guidance"])
            step = _once(golden, hyper, torch.tensor([case["t"]]), golden.inputs["eps"][:1])
            worst.compare(
                "gradient", _some(step.gradient), stored[f"c{case['case']}.{rule}.grad_2000x"]
            )
    return Verdict(worst.errors, dict.fromkeys(worst.errors, EXACT))


def threestudio_sds(golden: Golden, name: str) -> Verdict:
    """single/threestudio_sds: its SDS branch; guidance s there is s + 1 here."""
    stored, worst = golden.tensors(name), Worst()
    for case in golden.description(name)["cases"]:
        hyper = _hyper(method="sds", guidance=case["guidance"] + 1, weighting=case["weighting"])
        noise = stored["noise"].unsqueeze(0)
        step = _once(golden, hyper | {"grad_scale": 1.0}, torch.tensor([case["t"]]), noise)
        prefix = f"c{case['case']}"
        worst.compare("sds_grad", _some(step.gradient), stored[f"{prefix}.sds_grad"])
        worst.compare("noise_pred", step.target_calls[0].eps, stored[f"{prefix}.noise_pred"])
        worst.compare("latents_noisy", step.target_calls[0].z_t, stored[f"{prefix}.latents_noisy"])
    return Verdict(worst.errors, dict.fromkeys(worst.errors, EXACT))


def schedule(golden: Golden, name: str) -> Verdict:
    """single/schedule: adding noise, posterior mean, noise estimate, in float32."""
    stored, worst = golden.tensors(name), Worst()
    vp = VP(stored["alphas_cumprod"].double())
    z_0, eps = golden.inputs["z_src"], golden.inputs["eps"][1]
    for stem in {key.split(".")[0] for key in stored if key.startswith("t")}:
        t = torch.tensor([int(stem[1:])])
        z_t = diffuse(vp, z_0, eps, t)
        worst.compare("add_noise", z_t, stored[f"{stem}.add_noise"])
        worst.compare("predict_z0", predict_z0(vp, z_t, 0.9 * eps, t), stored[f"{stem}.predict_z0"])
        estimate = predict_eps(vp, z_t + 0.01, z_0, t)
        worst.compare("estimate_eps", estimate, stored[f"{stem}.estimate_eps"])
    return Verdict(worst.errors, dict.fromkeys(worst.errors, SINGLE))


REPLAYS: dict[str, Callable[[Golden, str], Verdict]] = {
    "single/google_dds": google_dds,
    "single/threestudio_sds": threestudio_sds,
    "single/schedule": schedule,
}


def replay_for(golden: Golden, name: str) -> Callable[[Golden, str], Verdict] | str:
    """The replay of a recording, or why there is none."""
    if name in REPLAYS:
        return REPLAYS[name]
    if name.startswith("traj/"):
        hyper = golden.description(name)["hyper"]
        if hyper["with_cut"] or hyper["method"] not in ("dds", "ids"):
            return "no contrastive loss yet"
        return trajectory
    return f"no {name.split('/')[1]} yet"


def _hyper(**values: Any) -> dict[str, Any]:
    released = {"steps": 1, "lr": 0.1, "loss_scale": 2000, "w_dds": 1.0, "N": None, "lam": None}
    return {**released, **values}


def _editor(hyper: Mapping[str, Any], z: Tensor) -> DistillationEditor:
    """What `ids run method=...` would build for these values."""
    height, width = z.shape[-2:]
    scale = hyper.get("grad_scale", hyper["loss_scale"] * hyper["w_dds"] / (height * width))
    overrides = [
        f"method={hyper['method']}",
        f"method.n_steps={hyper['steps']}",
        f"method.guidance_scale={hyper['guidance']!r}",
        f"method.grad_scale={scale!r}",
        f"method.optimizer.lr={hyper['lr']!r}",
    ]
    if hyper["N"] is not None:
        overrides += [f"fpr.n_iters={hyper['N']}", f"fpr.scale={hyper['lam']!r}"]
    if "weighting" in hyper:
        overrides.append(f"method.distillation.weighting={hyper['weighting']}")
    (setting,) = compose_all(overrides)
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, DistillationEditor)
    return editor


def _run(
    golden: Golden, hyper: Mapping[str, Any], dtype: torch.dtype
) -> tuple[list[Step], DistillationEditor, ListeningBackbone]:
    z_src = golden.inputs["z_src"].to(dtype)
    draws = RecordedDraws(golden.inputs["timesteps"], golden.inputs["eps"].to(dtype))
    return _listen(golden, hyper, z_src, z_src, draws)


def _once(golden: Golden, hyper: Mapping[str, Any], t: Tensor, eps: Tensor) -> Step:
    """One gradient at the stored target latent."""
    z_src, z_trg = golden.inputs["z_src"].double(), golden.inputs["z_trg_alt"].double()
    (step,), _, _ = _listen(golden, hyper, z_src, z_trg, RecordedDraws(t, eps.double()))
    return step


def _listen(
    golden: Golden, hyper: Mapping[str, Any], z_src: Tensor, z_trg: Tensor, draws: RecordedDraws
) -> tuple[list[Step], DistillationEditor, ListeningBackbone]:
    source = Shapes(count=1)[0].source
    case = EditCase("recorded", source=source, prompt_src="source", prompt_trg="target")
    subject = LatentImage(z_src, [case])
    subject.z_trg.data = z_trg.clone()
    backbone, steps = ListeningBackbone(golden.backbone(z_src.dtype)), list[Step]()
    editor = _editor(hyper, z_src)
    rule = ListeningRule(editor.distillation, backbone, steps)
    listening = replace(editor, distillation=rule, timesteps=draws)
    listening(backbone, subject, Streams(("recorded",)), ListeningProgress(subject, steps))
    return steps, editor, backbone


def _compare_step(
    worst: Worst,
    step: Step,
    stored: Mapping[str, Tensor],
    editor: DistillationEditor,
    backbone: ListeningBackbone,
    golden: Golden,
) -> None:
    anchor, source, target = _some(step.anchor), step.source_calls[-1], step.target_calls[-1]
    ours: dict[str, Tensor] = {
        "t": _some(step.t),
        "z_t_src_init": step.source_calls[0].z_t,
        "z_t_src_star": source.z_t,
        "eps_star": anchor.draw.eps,
        "z_t_trg": target.z_t,
        "eps_pred_src": source.eps,
        "eps_pred_trg": target.eps,
        "grad_sds_part": _some(step.gradient),
        "grad_total": _some(step.gradient),
        "z_trg_after": _some(step.z_trg),
    }
    if len(source.raw) == len(target.raw) == 2:
        ours["unet_out4"] = torch.stack([source.raw, target.raw], dim=1).flatten(0, 1)
    if "fpr_residual" in anchor.logs:
        ours |= _refinement(step, editor, backbone, golden)
    for name, value in ours.items():
        if name in stored:
            worst.compare(name, value, stored[name])


def _refinement(
    step: Step, editor: DistillationEditor, backbone: ListeningBackbone, golden: Golden
) -> dict[str, Tensor]:
    """FPR's inner iterations, [N, ...]."""
    assert isinstance(editor.distillation, Refined)
    assert isinstance(editor.distillation.refine, FPR)
    calls, t = step.source_calls[:-1], _some(step.t)
    z_src = golden.inputs["z_src"].to(calls[0].z_t)
    y_src, y_null = backbone.prompt(["source"]), backbone.prompt([""])
    eps_phi = Guided(backbone.backbone, y_null, editor.guidance_scale)
    directions = [
        editor.distillation.refine.descent(eps_phi, z_src, c.z_t, y_src, t)[1] for c in calls
    ]
    return {
        "fpr_z_in": torch.stack([call.z_t for call in calls]),
        "fpr_eps_src": torch.stack([call.eps for call in calls]),
        "fpr_z0_pred": torch.stack([predict_z0(backbone.schedule, c.z_t, c.eps, t) for c in calls]),
        "fpr_norms": _some(step.anchor).logs["fpr_residual"][0],
        "fpr_norm_grad": torch.stack(directions),
    }


def _some(value: T | None) -> T:
    assert value is not None
    return value
