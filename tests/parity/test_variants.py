"""Variants that the stored recordings do not cover, recorded here: the algorithms as one plain loop
in the notation of the released code, with nothing of `ids` but the network.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import GOLDEN
from golden_replay.editor import editor_of
from golden_replay.recording import Golden
from golden_replay.replays import replay_for
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

STEPS = 2
RELEASED = {"N": None, "lam": None, "lr": 0.1, "loss_scale": 2000, "steps": STEPS, "guidance": 7.5}
CUT = {"with_cut": True, "w_cut": 3.0, "n_patches": 24, "patch_size": [1, 2], "nce_T": 0.07}
VARIANTS: dict[str, dict[str, Any]] = {
    "dds_w07": {"method": "dds", "w_dds": 0.7},
    "dds_guidance1": {"method": "dds", "w_dds": 1.0, "guidance": 1.0},
    "ids_N0": {"method": "ids", "w_dds": 1.0, "N": 0, "lam": 1.0},
    "ids_N1_lam2": {"method": "ids", "w_dds": 1.3, "N": 1, "lam": 2.0, "guidance": 3.0},
    "cds_one_size": {"method": "cds", "w_dds": 0.5, **CUT, "patch_size": [1], "n_patches": 10},
    "ids_cut": {"method": "ids", "w_dds": 1.0, "N": 2, "lam": 0.5, **CUT, "w_cut": 1.5},
    "ids_cut_warm": {"method": "ids", "w_dds": 1.0, "N": 1, "lam": 1.0, **CUT, "nce_T": 0.2},
}


class Plain:
    """The released algorithms in one loop."""

    def __init__(self, golden: Golden, hyper: dict[str, Any]) -> None:
        self.hyper, self.inputs = hyper, golden.inputs
        self.unet: Any = golden.backbone(torch.float64).denoiser.unet
        self.alphas = self.inputs["alphas_cumprod_f32"].double()
        self.features: list[Tensor] = []

    def eps(self, z_t: Tensor, prompt: str, t: Tensor) -> Tensor:
        y = torch.cat([self.inputs["emb_null"], self.inputs[prompt]]).double()
        null, prompted = self.unet(torch.cat([z_t, z_t]), t, encoder_hidden_states=y).sample.chunk(
            2
        )
        return null + self.hyper["guidance"] * (prompted - null)

    def refined(self, z_t: Tensor, z: Tensor, t: Tensor) -> Tensor:
        for _ in range(self.hyper["N"] or 0):
            z_t = z_t.detach().requires_grad_()
            a = self.alphas[t]
            mean = (z_t - (1 - a).sqrt() * self.eps(z_t, "emb_src", t)) / a.sqrt()
            loss = torch.linalg.norm(z - mean)
            z_t = (z_t - self.hyper["lam"] * torch.autograd.grad(loss, z_t)[0]).detach()
        return z_t

    def contrast(self, ref: list[Tensor], cur: list[Tensor], orders: list[Tensor]) -> Tensor:
        total, draws = torch.zeros(()).double(), iter(orders)
        for r, c in zip(ref, cur, strict=True):
            side = int(r.shape[1] ** 0.5)
            for size in self.hyper["patch_size"]:
                maps = [x.reshape(1, side, side, -1).permute(0, 3, 1, 2) for x in (r, c)]
                flat = [F.avg_pool2d(x, size).flatten(2)[0].T for x in maps]
                chosen = next(draws)[: self.hyper["n_patches"]]
                a, b = (F.normalize(x, dim=1)[chosen] for x in flat)
                negatives = (a @ b.T).fill_diagonal_(-10)
                scores = torch.cat([(a * b).sum(1, keepdim=True), negatives], 1)
                first = torch.zeros(len(a), dtype=torch.long)
                total = total + F.cross_entropy(scores / self.hyper["nce_T"], first)
        return total

    def record(self, generator: torch.Generator) -> dict[str, Tensor]:
        z, stored = self.inputs["z_src"].double(), dict[str, Tensor]()
        z_trg, (h, w) = z.clone(), z.shape[-2:]
        for i in range(STEPS):
            t, eps = self.inputs["timesteps"][i : i + 1], self.inputs["eps"][i].double()
            a = self.alphas[t]
            z_t = self.refined(a.sqrt() * z + (1 - a).sqrt() * eps, z, t)
            star = (z_t - a.sqrt() * z) / (1 - a).sqrt()
            self.features.clear()
            eps_src = self.eps(z_t, "emb_src", t)
            ref = [f[1:].detach() for f in self.features]
            leaf = z_trg.detach().requires_grad_()
            self.features.clear()
            eps_trg = self.eps(a.sqrt() * leaf + (1 - a).sqrt() * star, "emb_trg", t)
            cur = [f[1:] for f in self.features]
            sds = self.hyper["loss_scale"] * self.hyper["w_dds"] * (eps_trg - eps_src) / (h * w)
            total = sds.detach()
            if self.hyper.get("with_cut"):
                pooled = [f.shape[1] // s**2 for f in ref for s in self.hyper["patch_size"]]
                orders = [torch.randperm(n, generator=generator) for n in pooled]
                loss = self.hyper["w_cut"] * self.contrast(ref, cur, orders)
                (cut,) = torch.autograd.grad(loss, leaf)
                stored |= {f"step{i}.cut_perm.{j}": order for j, order in enumerate(orders)}
                stored[f"step{i}.grad_cut_part"], total = cut, total + cut
            z_trg = z_trg - self.hyper["lr"] * total
            recorded = {"eps_star": star, "eps_pred_src": eps_src, "grad_sds_part": sds}
            recorded |= {"grad_total": total, "z_trg_after": z_trg}
            stored |= {f"step{i}.{k}": v.detach().clone() for k, v in recorded.items()}
        return stored


@pytest.mark.parametrize("name", VARIANTS)
def test_a_plain_loop_is_reproduced(name: str, tmp_path: Path) -> None:
    for part in ("model_tiny", "scheduler_ddpm"):
        shutil.copytree(GOLDEN / part, tmp_path / part)
    shutil.copy(GOLDEN / "inputs_tiny.safetensors", tmp_path)
    (tmp_path / "traj").mkdir()
    hyper = {**RELEASED, "with_cut": False, **VARIANTS[name]}
    golden = Golden(tmp_path)
    plain = Plain(golden, hyper)
    for site, module in plain.unet.named_modules():
        if site.startswith("up_blocks") and site.endswith("attn1"):
            module.register_forward_hook(lambda _, __, out: plain.features.append(out))
    stored = plain.record(torch.Generator().manual_seed(0))
    save_file({k: v.contiguous() for k, v in stored.items()}, tmp_path / f"traj/{name}.safetensors")
    (tmp_path / f"traj/{name}.json").write_text(json.dumps({"hyper": hyper}))
    replay = replay_for(golden, f"traj/{name}")
    assert not isinstance(replay, str)
    verdict = replay(golden, f"traj/{name}")
    assert verdict.ok, verdict.errors
    assert not verdict.unknown


def test_recorded_hyperparameters_build_the_editor_of_ids_run() -> None:
    editor: Any = editor_of({**RELEASED, **VARIANTS["ids_cut"]}, torch.zeros(1, 4, 16, 16))
    assert editor.fpr.n_iters == 2
    assert editor.fpr.scale == 0.5
    assert editor.grad_scale == 1.0
    assert editor.distillation.weights == {"dds": 2000 / 256, "cut": 1.5}
    assert editor.distillation.terms["cut"].n_patches == 24
