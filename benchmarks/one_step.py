"""Cost of one step at the size of Stable Diffusion 1.5: seconds and memory, on this machine.

    python benchmarks/one_step.py                              # some minutes on two CPU cores
    python benchmarks/one_step.py --device cuda --precision fp16

Weights and text embedding are random: time and memory do not depend on them. Images are 512x512
pixels, latents 4x64x64. Seconds are of one warm run: compare them with each other, not between
machines.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from batching import editor_of
from diffusers import UNet2DConditionModel
from rich.console import Console
from rich.table import Table

from ids.backbones.latent_diffusion import LatentDiffusion, UNetDenoiser
from ids.core.edit import EditContext
from ids.core.prompt import Prompt
from ids.core.rng import Streams
from ids.core.tensors import Images, Latent
from ids.data import Shapes
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import MeteredBackbone
from ids.representations import LatentImage
from ids.run.memory import peak_bytes, reset_peak

METHODS = ("sds", "dds", "cds", "ids", "ids fpr=finite_difference", "ids fpr=polyak", "ids_cut")
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class NoAutoencoder:
    """The loop never leaves latent space."""

    def encode(self, x: Images) -> Latent:
        raise NotImplementedError

    def decode(self, z: Latent) -> Images:
        raise NotImplementedError


@dataclass(frozen=True)
class RandomText:
    """77 tokens of width 768."""

    device: torch.device

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return Prompt(torch.randn(len(texts), 77, 768, device=self.device))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    device = torch.device(args.device)
    backbone = random_stable_diffusion(device, PRECISIONS[args.precision])
    title = f"SD 1.5 size, {args.precision} on {device}, {torch.get_num_threads()} threads"
    table = Table(title=f"{title}, batch {args.batch}")
    for header in ("method", "s / step", "forwards", "backwards", "peak MB"):
        table.add_column(header, justify="right")
    _measured(METHODS[0], backbone, args.batch, device)  # warm-up
    for method in METHODS:
        table.add_row(method, *_measured(method, backbone, args.batch, device))
    Console().print(table)


def random_stable_diffusion(device: torch.device, dtype: torch.dtype) -> LatentDiffusion:
    """diffusers' default UNet is Stable Diffusion 1.x's, but for the width of the text."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
    unet = unet.to(device, dtype).eval().requires_grad_(False)
    size = sum(p.numel() for p in unet.parameters()) / 1e6
    print(f"UNet of {size:.1f} M parameters")
    denoiser = UNetDenoiser(unet, scaled_linear_vp().to(device))
    return LatentDiffusion(denoiser, NoAutoencoder(), RandomText(device))


def _measured(
    method: str, backbone: LatentDiffusion, rows: int, device: torch.device
) -> tuple[str, ...]:
    editor = replace(editor_of(method), n_steps=1)
    cases = [Shapes()[i] for i in range(rows)]
    z = torch.randn(rows, 4, 64, 64, generator=torch.Generator().manual_seed(0)).to(device)
    rng = Streams.of(0, [case.id for case in cases])
    reset_peak(device)
    metered, began = MeteredBackbone(backbone), time.perf_counter()
    editor(EditContext(metered, rng), LatentImage(z, cases, backbone.decode))
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - began
    passes = metered.nfe
    return (
        f"{seconds:.1f}",
        str(passes.forwards // rows),
        str(passes.backwards // rows),
        f"{peak_bytes(device) / 2**20:.0f}",
    )


if __name__ == "__main__":
    main()
