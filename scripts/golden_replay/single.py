"""single/*: one call each of the released functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from golden_replay.editor import editor_of, replay, some
from golden_replay.recorder import Step
from golden_replay.recording import Golden, RecordedDraws, RecordedRandomness, Worst
from golden_replay.verdict import EXACT, SINGLE, Verdict, all_within
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.core.records import Draw
from ids.core.tensors import Features, Latent, Timestep
from ids.diffusion import VP, diffuse, predict_eps, predict_z0
from ids.diffusion.schedule import scaled_linear_vp
from ids.methods import PatchNCE, Sum
from ids.methods.rules.patch_nce import patch_nce


def google_dds(golden: Golden, name: str) -> Verdict:
    """The notebook's DDS and SDS gradients, times 2000 / (H W)."""
    stored, worst = golden.tensors(name), Worst()
    for case in golden.description(name)["cases"]:
        for rule in ("dds", "sds"):
            hyper = {"method": rule, "guidance": case["guidance"]}
            step = _once(golden, hyper, _at(case["t"], golden.inputs["eps"][0]))
            gradient = stored[f"c{case['case']}.{rule}.grad_2000x"]
            worst.compare("gradient", some(step.gradient), gradient)
    return all_within(worst.errors, EXACT)


def threestudio_sds(golden: Golden, name: str) -> Verdict:
    """Its SDS branch; its guidance s is s + 1 here. With its reduced variance, score Jacobian
    chaining is SDS of uniform weight: its noise scale and ours are one rescaling of z_t.
    """
    stored, worst = golden.tensors(name), Worst()
    for case in golden.description(name)["cases"]:
        view = _case(stored, case)
        hyper = {"method": "sds", "guidance": case["guidance"] + 1, "grad_scale": 1.0}
        draws = _at(case["t"], stored["noise"])
        step = _once(golden, hyper | {"weighting": case["weighting"]}, draws)
        worst.compare("sds_grad", some(step.gradient), view["sds_grad"])
        worst.compare("noise_pred", step.target_calls[0].eps, view["noise_pred"])
        worst.compare("latents_noisy", step.target_calls[0].z_t, view["latents_noisy"])
        if "sjc_grad" in view:
            chained = _once(golden, hyper | {"weighting": "uniform"}, draws)
            worst.compare("sjc_grad", some(chained.gradient), view["sjc_grad"])
    return all_within(worst.errors, EXACT)


def pds_repo(golden: Golden, name: str) -> Verdict:
    """PDS, and the SDS and DDS branches beside it, with the gradients of both reductions."""
    stored, worst = golden.tensors(name), Worst()
    for case in golden.description(name)["cases"]:
        view = _case(stored, case)
        for rule in ("pds", "sds", "dds"):
            hyper = {"method": rule, "guidance": case["guidance"], "grad_scale": 1.0}
            hyper |= {"weighting": "sds"} if rule == "sds" else {}
            draws = _at(case["t"], stored["noise"], case["t_prev"], stored["noise_t_prev"])
            g = some(_once(golden, hyper, draws).gradient)
            worst.compare(f"{rule} grad", g, view[f"{rule}.grad"])
            worst.compare(f"{rule} sum", g / len(g), view[f"{rule}.dloss_dtgt_sum"])
            worst.compare(f"{rule} mean", g / g.numel(), view[f"{rule}.dloss_dtgt_mean"])
    return all_within(worst.errors, EXACT)


def cutloss(golden: Golden, name: str) -> Verdict:
    """The contrastive loss and its gradient in the features, and a single PatchNCE call."""
    description, stored, worst = golden.description(name), golden.tensors(name), Worst()
    temperature = description["nce_T"]
    for case in description["cases"]:
        view = _prefixed(stored, f"{case['name']}.")
        loss, gradient = _contrast(case, view, temperature)
        worst.compare("loss", loss, view["loss"])
        worst.compare("grad_cur", gradient, view["grad_cur"])
    ref, cur = stored["nce.ref"].double(), stored["nce.cur"].double().requires_grad_()
    losses = patch_nce(ref.unsqueeze(0), cur.unsqueeze(0), temperature)[0]
    (gradient,) = torch.autograd.grad(losses.mean(), cur)
    worst.compare("nce loss", losses.detach(), stored["nce.loss_per_patch"])
    worst.compare("nce grad", gradient, stored["nce.grad_cur_of_mean"])
    return all_within(worst.errors, EXACT)


def schedule(golden: Golden, name: str) -> Verdict:
    """Adding noise, posterior mean, noise estimate, in float32."""
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
    return all_within(worst.errors, SINGLE)


@dataclass(frozen=True)
class _StoredFeatures:
    """A denoiser with stored features."""

    h: Features
    schedule: Schedule

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        return z_t

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        return z_t, {"stored": self.h}


def _contrast(
    case: Mapping[str, Any], view: Mapping[str, Tensor], temperature: float
) -> tuple[Tensor, Tensor]:
    hyper = {"method": "cds", "with_cut": True, "guidance": 7.5, "w_cut": 1.0, **case}
    hyper |= {"nce_T": temperature}
    ref, cur = view["ref"].double(), view["cur"].double().requires_grad_()
    rule = editor_of(hyper, torch.zeros(1, 4, 8, 8)).distillation
    assert isinstance(rule, Sum)
    cut = rule.terms["cut"]
    assert isinstance(cut, PatchNCE)
    orders = RecordedRandomness([view[f"perm.{j}"] for j in range(len(case["patch_size"]))])
    z, t = torch.zeros(1, 4, 8, 8).double(), torch.tensor([500])
    shown = _StoredFeatures(_map(ref), scaled_linear_vp(torch.float64))
    anchor = cut.anchor(shown, z, Prompt(z), Draw(t, z, orders))
    losses = cut.losses_of({"stored": _map(cur)}, anchor)
    loss = torch.stack([*losses.values()]).sum()
    (gradient,) = torch.autograd.grad(loss, cur)
    return loss.detach(), gradient


def _map(features: Tensor) -> Features:
    """Tokens of a square map as the map."""
    if features.ndim == 4:
        return features
    side = int(features.shape[1] ** 0.5)
    square: Features = features.transpose(1, 2).unflatten(2, (side, side))
    return square


def _once(golden: Golden, hyper: Mapping[str, Any], draws: RecordedDraws) -> Step:
    """One gradient at the stored target latent."""
    z_src, z_trg = golden.inputs["z_src"].double(), golden.inputs["z_trg_alt"].double()
    return replay(golden, hyper, z_src, z_trg, draws).only


def _at(
    t: int, eps: Tensor, t_prev: int | None = None, eps_prev: Tensor | None = None
) -> RecordedDraws:
    before = None if t_prev is None else torch.tensor([t_prev])
    inner = [RecordedRandomness(noise=eps_prev)]
    return RecordedDraws(torch.tensor([t]), eps.double().unsqueeze(0), inner, before)


def _case(stored: Mapping[str, Tensor], case: Mapping[str, Any]) -> dict[str, Tensor]:
    return _prefixed(stored, f"c{case['case']}.")


def _prefixed(stored: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}
