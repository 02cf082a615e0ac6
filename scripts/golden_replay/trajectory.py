"""traj/*: the released loops of DDS, CDS, IDS and IDS + CUT, step by step."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from golden_replay.editor import Replay, replay, some
from golden_replay.recorder import Step
from golden_replay.recording import Golden, RecordedDraws, RecordedRandomness, Worst
from golden_replay.verdict import DRIFT, EXACT, RELATIVE, Verdict
from ids.diffusion import Guided, predict_z0
from ids.methods import FPR, PatchNCE, Sum
from ids.methods.refiners.loop import residual_and_gradient


def trajectory(golden: Golden, name: str) -> Verdict:
    """Every intermediate of every step in float64, the path in float32 too."""
    hyper, stored = golden.description(name)["hyper"], golden.tensors(name)
    worst, relative, single, unknown = Worst(), Worst(), Worst(), set[str]()
    run = _run(golden, hyper, stored, torch.float64)
    for index, step in enumerate(run.steps):
        view = _of_step(stored, index)
        ours = _values(step, run, golden)
        for key, value in ours.items():
            if key in view:
                # Without guidance the null half, first in the recording, is not evaluated.
                recorded = view[key][-len(value) :] if key == "unet_out4" else view[key]
                worst.compare(key, value, recorded)
        unknown |= {key for key in view if key not in ours and not key.startswith("cut_perm.")}
        if "cut" in step.terms:
            relative.compare(
                "grad_cut_part, relative", step.terms["cut"], view["grad_cut_part"], relative=True
            )
    for index, step in enumerate(_run(golden, hyper, stored, torch.float32).steps):
        single.compare("z_trg_after f32", some(step.z_trg), stored[f"step{index}.z_trg_after"])
    bounds = {EXACT: worst, RELATIVE: relative, DRIFT: single}
    return Verdict(
        {key: error for seen in bounds.values() for key, error in seen.errors.items()},
        {key: bound for bound, seen in bounds.items() for key in seen.errors},
        tuple(sorted(unknown)),
    )


def _run(
    golden: Golden, hyper: Mapping[str, Any], stored: Mapping[str, Tensor], dtype: torch.dtype
) -> Replay:
    z_src = golden.inputs["z_src"].to(dtype)
    orders = [_permutations(_of_step(stored, index)) for index in range(hyper["steps"])]
    draws = RecordedDraws(golden.inputs["timesteps"], golden.inputs["eps"].to(dtype), orders)
    return replay(golden, hyper, z_src, z_src, draws)


def _permutations(view: Mapping[str, Tensor]) -> RecordedRandomness:
    stems = sorted((key for key in view if key.startswith("cut_perm.")), key=_number)
    return RecordedRandomness([view[key] for key in stems])


def _of_step(stored: Mapping[str, Tensor], index: int) -> dict[str, Tensor]:
    prefix = f"step{index}."
    return {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}


def _number(key: str) -> int:
    return int(key.rsplit(".", 1)[1])


def _values(step: Step, run: Replay, golden: Golden) -> dict[str, Tensor]:
    """Our values under the names of the recordings."""
    anchor, source, target = some(step.anchor), step.source_calls[-1], step.target_calls[-1]
    ours: dict[str, Tensor] = {
        "t": some(step.t),
        "z_t_src_init": step.source_calls[0].z_t,
        "z_t_src_star": source.z_t,
        "eps_star": anchor.draw.eps,
        "z_t_trg": target.z_t,
        "eps_pred_src": source.eps,
        "eps_pred_trg": target.eps,
        "unet_out4": torch.stack([source.raw, target.raw], dim=1).flatten(0, 1),
        "grad_sds_part": step.terms.get("dds", some(step.gradient)),
        "grad_total": some(step.gradient),
        "z_trg_after": some(step.z_trg),
    }
    if "cut" in step.terms:
        ours |= _contrast(step, run)
    if "fpr_residual" in anchor.logs:
        ours |= _refinement(step, run, golden)
    return ours


def _contrast(step: Step, run: Replay) -> dict[str, Tensor]:
    """The contrastive half of CDS: features, the loss of each layer, its gradient."""
    rule = run.editor.distillation
    assert isinstance(rule, Sum)
    cut, target = rule.terms["cut"], step.target_calls[-1]
    assert isinstance(cut, PatchNCE)
    places = cut.losses_of(target.maps, some(step.anchor).parts["cut"])
    layers = {site: torch.zeros(()).double() for site in target.maps}
    for place, loss in places.items():
        layers[place.rpartition("/")[0]] += loss[0]
    return {
        "cut_loss_layers": torch.stack([*layers.values()]),
        "cut_eps_pred_trg": target.eps,
        "grad_cut_part": step.terms["cut"],
        **{f"cut_ref.{site}": _tokens(h) for site, h in step.source_calls[-1].maps.items()},
        **{f"cut_cur.{site}": _tokens(h) for site, h in target.maps.items()},
    }


def _tokens(h: Tensor) -> Tensor:
    return h.flatten(2).transpose(1, 2)


def _refinement(step: Step, run: Replay, golden: Golden) -> dict[str, Tensor]:
    """FPR's inner iterations, [N, ...]."""
    assert isinstance(run.editor.fpr, FPR)
    backbone, t = run.backbone, some(step.t)
    calls = step.source_calls[: run.editor.fpr.n_iters]
    z_src = golden.inputs["z_src"].to(calls[0].z_t)
    y_src, y_null = backbone.prompt(["source"]), backbone.prompt([""])
    eps_phi = Guided(backbone.backbone, y_null, run.editor.guidance_scale)
    return {
        "fpr_z_in": torch.stack([call.z_t for call in calls]),
        "fpr_eps_src": torch.stack([call.eps for call in calls]),
        "fpr_z0_pred": torch.stack([predict_z0(backbone.schedule, c.z_t, c.eps, t) for c in calls]),
        "fpr_norms": some(step.anchor).logs["fpr_residual"][0],
        "fpr_norm_grad": torch.stack(
            [residual_and_gradient(eps_phi, z_src, call.z_t, y_src, t)[1] for call in calls]
        ),
    }
