"""FlowEdit and DVRF in the notation of the released code, as one plain loop each on a small
transformer, with nothing of `ids`; recorded in the format of the golden folders, with their
embedding of times.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from golden_replay.flow_recorder import RecordedTimes
from safetensors.torch import save_file
from torch import Tensor

FLOWEDIT = {"T_steps": 6, "n_max": 4, "n_min": 0, "n_avg": 1, "shift": 3.0}
FLOWEDIT |= {"src_guidance_scale": 3.5, "tar_guidance_scale": 13.5}
DVRF = {"B": 1, "T_steps": 6, "num_steps": 4, "eta": 1.0, "lr": "custom", "optimizer": "SGD"}
DVRF |= {"scheduler_strategy": "descending", "shift": 3.0}
DVRF |= {"src_guidance_scale": 6.0, "tgt_guidance_scale": 16.5}
RANDOM = {"scheduler_strategy": "random", "random_indices": [4, 2, 3, 2, 4, 3, 2, 3]}
CASES: dict[str, dict[str, Any]] = {
    "flowedit/plain": FLOWEDIT,
    "flowedit/phases": FLOWEDIT | {"n_min": 2, "n_avg": 2, "shift": 1.7},
    "flowedit/all": FLOWEDIT | {"n_max": 6, "n_min": 6, "tar_guidance_scale": 2.0},
    "dvrf/plain": DVRF,
    "dvrf/whole": DVRF | {"num_steps": 6, "eta": 0.3, "shift": 2.0},
    "dvrf/random": DVRF | RANDOM | {"B": 2},
    "dvrf/number": DVRF | {"lr": 0.05, "B": 2, "eta": 0.0},
    "dvrf/whole_number": DVRF | {"lr": 1},
}


def write_golden(folder: Path) -> None:
    """Network and inputs, and the recordings of `CASES`."""
    torch.manual_seed(0)
    network = _network()
    network.save_pretrained(folder / "model_sd3")
    inputs = {"x_src": torch.randn(1, 4, 8, 8), "noise": torch.randn(8, 1, 4, 8, 8)}
    for name in ("null", "src", "trg"):
        inputs |= {f"emb_{name}": torch.randn(1, 3, 16), f"pooled_{name}": torch.randn(1, 8)}
    save_file(inputs, folder / "inputs_sd3.safetensors")
    exact = {name: x.double() for name, x in inputs.items()}
    for name, hyper in CASES.items():
        loop = Loop(network.double(), exact, hyper)
        stored = loop.flowedit() if name.startswith("flowedit") else loop.dvrf()
        (folder / name).parent.mkdir(exist_ok=True)
        kept = {key: x.detach().clone().contiguous() for key, x in stored.items()}
        save_file(kept, folder / f"{name}.safetensors")
        (folder / f"{name}.json").write_text(json.dumps({"hyper": hyper}))


def _network() -> Any:
    from diffusers import SD3Transformer2DModel

    network = SD3Transformer2DModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        num_attention_heads=2,
        attention_head_dim=8,
        joint_attention_dim=16,
        caption_projection_dim=16,
        pooled_projection_dim=8,
        pos_embed_max_size=8,
    )
    network.time_text_embed.time_proj = RecordedTimes()
    return network


class Loop:
    """One run."""

    def __init__(self, network: Any, inputs: Mapping[str, Tensor], hyper: dict[str, Any]) -> None:
        from diffusers import FlowMatchEulerDiscreteScheduler

        scheduler = FlowMatchEulerDiscreteScheduler(shift=hyper["shift"])
        scheduler.set_timesteps(hyper["T_steps"])
        self.t, self.sigmas = scheduler.timesteps.double(), scheduler.sigmas.double()
        self.network, self.inputs, self.hyper = network, inputs, hyper
        self.noise: Iterator[Tensor] = iter(inputs["noise"])

    @torch.no_grad()
    def v(self, z: Tensor, prompt: str, t: Tensor, scale: float) -> Tensor:
        names = ("null", prompt)
        null, prompted = self.network(
            hidden_states=torch.cat([z, z]),
            timestep=t.expand(2),
            encoder_hidden_states=torch.cat([self.inputs[f"emb_{n}"] for n in names]),
            pooled_projections=torch.cat([self.inputs[f"pooled_{n}"] for n in names]),
        ).sample.chunk(2)
        return null + scale * (prompted - null)

    def flowedit(self) -> dict[str, Tensor]:
        h, x, out = self.hyper, self.inputs["x_src"], dict[str, Tensor]()
        z, n = x, h["T_steps"]
        levels = torch.cat([self.t / 1000, torch.zeros(1)])
        for i in range(n - h["n_max"], n):
            t, ti, tm = self.t[i], levels[i], levels[i + 1]
            if n - i > h["n_min"]:
                deltas = []
                for k in range(h["n_avg"]):
                    zt_src = (1 - ti) * x + ti * next(self.noise)
                    zt_tar = z + zt_src - x
                    vs = self.v(zt_src, "src", t, h["src_guidance_scale"])
                    vt = self.v(zt_tar, "trg", t, h["tar_guidance_scale"])
                    deltas.append(vt - vs)
                    seen = {"zt_src": zt_src, "zt_tar": zt_tar, "Vt_src": vs, "Vt_tar": vt}
                    out |= {f"step{i}.k{k}.{key}": value for key, value in seen.items()}
                mean = sum(deltas) / h["n_avg"]
                z = z + (tm - ti) * mean
                out |= {f"step{i}.V_delta_avg": mean, f"step{i}.zt_edit": z}
                continue
            if n - i == h["n_min"]:
                xt_src = self.sigmas[i] * next(self.noise) + (1 - self.sigmas[i]) * x
                z = z + xt_src - x
                out |= {"sdedit_init.xt_src": xt_src, "sdedit_init.xt_tar": z}
            v = self.v(z, "trg", t, h["tar_guidance_scale"])
            z = z + (tm - ti) * v
            out |= {f"step{i}.Vt_tar": v, f"step{i}.xt_tar": z}
        return out | {"output": z, "timesteps": self.t, "sigmas": self.sigmas}

    def dvrf(self) -> dict[str, Tensor]:
        h, x, out = self.hyper, self.inputs["x_src"], dict[str, Tensor]()
        z, n_grid, places = x, h["T_steps"], iter(h.get("random_indices", ()))
        descending = h["scheduler_strategy"] == "descending"
        first = n_grid - h["num_steps"] if descending else 0
        for n in range(h["num_steps"]):
            i, deltas = first + n, []
            eta = h["eta"] * i / n_grid
            for k in range(h["B"]):
                t = self.t[i if descending else next(places)]
                ti, e = t / 1000, next(self.noise)
                zt_src = (1 - ti) * x + ti * e
                zt_tgt = (1 - ti) * z + ti * e + eta * ti * (z - x)
                vs = self.v(zt_src, "src", t, h["src_guidance_scale"])
                vt = self.v(zt_tgt, "trg", t, h["tgt_guidance_scale"])
                deltas.append(vt - vs)
                seen = {"zt_src": zt_src, "zt_tgt": zt_tgt, "Vt_src": vs, "Vt_tgt": vt}
                out |= {f"step{n}.k{k}.{key}": value for key, value in seen.items()}
                out[f"step{n}.k{k}.t"] = t.view(1)
            mean = sum(deltas) / h["B"]
            grad, lr = mean + (1 - eta) * (z - x), self._lr(i)
            z = z - lr * grad
            seen = {"V_delta_avg": mean, "grad": grad, "lr": lr, "z_after": z}
            out |= {f"step{n}.{key}": value for key, value in seen.items()}
            out[f"step{n}.i"] = torch.tensor(i)
        return out | {"timesteps": self.t}

    def _lr(self, i: int) -> Tensor:
        if self.hyper["lr"] != "custom":
            lr = self.hyper["lr"]
            return torch.tensor(lr if isinstance(lr, float) else 0.02, dtype=torch.float64)
        d = (self.t[-2] - self.t[-1]) / 1000 / 1.6
        q = i / (self.hyper["T_steps"] + 27)
        peak = (9 / 16) ** 9 * (7 / 16) ** 7
        return 2.2 * ((d / 1.6 - d / 4) * q**9 * (1 - q) ** 7 / peak + d / 4 * q)
