"""CUDA graphs and the memory layout against direct evaluation of the same weights."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch
from loops.network import shared_copy
from loops.worlds import edited, latents_of

from device_checks.checks import WORLDS, Check, Machine, expect, method_of, relative
from ids.backbones.latent_diffusion import LatentDiffusion
from ids.backbones.tuning import tune
from ids.core.protocols import Backbone
from ids.run import Engine

CALLS = 5  # the third is recorded
CLOSE, LAYOUT = 1e-3, 1e-2  # largest relative difference
SAMPLED = 5e-2  # of an edit that samples: fp16 alone moves it by 2e-2
OPTIONS = {
    "graphs": Engine(graphs=True, channels_last=False),
    "default": Engine(),
    "channels_last": Engine(graphs=False, channels_last=True),
    "cudnn": Engine(graphs=False, channels_last=False, attention="cudnn"),
    "checkpointing": Engine(graphs=False, checkpointing=True),
    "offload": Engine(offload=True),
}


def graph_checks() -> list[Check]:
    """Predictions and edits by option."""
    return [
        *(Check(f"graphs/{w}/{name}", _predicted(w, name)) for w in WORLDS for name in OPTIONS),
        *(Check(f"graphs/{m}", _edited(m)) for m in ("dds", "cds", "ids", "pnp")),
        Check("graphs/time", _timed),
    ]


def _predicted(world: str, name: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        backbone = machine.world(world, "fp16")
        tuned = _tuned(backbone, OPTIONS[name], machine)
        errors = []
        for seed in range(CALLS):  # other inputs each time: none may be left over
            z = torch.randn(2, 12, 8, 8, generator=torch.Generator().manual_seed(seed))
            z, t = z.to(machine.device), torch.tensor([50 + seed, 900], device=machine.device)
            y = backbone.prompt([case.prompt_src for case in machine.cases[seed : seed + 2]])
            with torch.no_grad():
                errors.append(relative(tuned.eps(z, y, t), backbone.eps(z, y, t)))
        limit = CLOSE if name == "graphs" else LAYOUT
        shown = " ".join(f"{error:.0e}" for error in errors)
        return expect(max(errors) < limit, f"errors {shown}")

    return run


def _edited(method: str) -> Callable[[Machine], str]:
    """A whole edit of the default engine; steps are enough for graphs to be recorded and used."""

    def run(machine: Machine) -> str:
        backbone, cases = machine.world("topology", "fp16"), machine.cases[:2]
        editor, z_src = method_of("topology", method), latents_of(backbone, cases)
        wanted = edited(editor, backbone, z_src, cases)
        found = edited(editor, _tuned(backbone, Engine(), machine), z_src, cases)
        error = relative(found, wanted)
        return expect(error < (SAMPLED if method == "pnp" else LAYOUT), f"z_trg {error:.1e}")

    return run


def _timed(machine: Machine) -> str:
    """Milliseconds of a prediction with and without a graph."""
    if not machine.cuda:
        return "skipped: no CUDA"
    backbone = machine.world("topology", "fp16")
    z = torch.randn(2, 12, 8, 8, device=machine.device)
    t, y = torch.tensor([50, 900], device=machine.device), backbone.prompt(["a", "b"])
    shown = []
    for name in ("channels_last", "graphs"):
        tuned = _tuned(backbone, OPTIONS[name], machine)
        with torch.no_grad():
            for _ in range(CALLS):
                tuned.eps(z, y, t)
            torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(20):
                tuned.eps(z, y, t)
            torch.cuda.synchronize()
        shown.append(f"{(time.perf_counter() - began) / 20 * 1e3:.2f} ms {name}")
    return ", ".join(shown)


def _tuned(backbone: LatentDiffusion, engine: Engine, machine: Machine) -> Backbone:
    unet, vae = (shared_copy(n) for n in (backbone.denoiser.unet, backbone.autoencoder.vae))  # type: ignore[attr-defined]
    text = replace(backbone.text, encoder=shared_copy(backbone.text.encoder), _known={})  # type: ignore[attr-defined, type-var]
    own = LatentDiffusion(
        replace(backbone.denoiser, unet=unet),
        replace(backbone.autoencoder, vae=vae),  # type: ignore[type-var]
        text,
    )
    return tune(own, engine.tuning, machine.device)
