"""The KL autoencoder: 64x64 images to 8x8 latents of 12 channels, Stable Diffusion's topology
(four levels, factor 8).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from ids.shapes.render import render
from ids.shapes.scene import Scene, draw_scene
from shapes_training.course import Budget, Course, Outcome

LATENT_CHANNELS = 12
KL_WEIGHT = 3e-4  # per latent element, against squared error per pixel: keeps the posterior narrow


def scenes_of(seed: int, stage: str, step: int, count: int) -> list[Scene]:
    """The training scenes of one step, a function of the names alone."""
    rng = np.random.default_rng([seed, *stage.encode(), step])
    return [draw_scene(rng) for _ in range(count)]


def new_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 96),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=64,
        scaling_factor=1.0,
    )


def train_autoencoder(folder: Path, budget: Budget, seed: int, device: torch.device) -> Outcome:
    torch.manual_seed(seed)
    vae = new_autoencoder().to(device, memory_format=torch.channels_last)

    def loss(modules: nn.ModuleDict, step: int) -> Tensor:
        vae: Any = modules["vae"]
        x = render(scenes_of(seed, "vae", step, budget.batch)).mul(2).sub(1)
        x = x.to(device, memory_format=torch.channels_last)
        posterior = vae.encode(x).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step))
        y = vae.decode(posterior.mean + posterior.std * noise.to(device)).sample
        kl = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean()
        total: Tensor = F.mse_loss(y, x) + 0.05 * F.l1_loss(y, x) + KL_WEIGHT * kl
        return total

    return Course("vae", folder, budget, nn.ModuleDict({"vae": vae})).run(loss)


@torch.no_grad()
def standardize(vae: AutoencoderKL, seed: int) -> None:
    """Give every latent channel mean 0 and variance 1, by an exact change of variables in the two
    1x1 convolutions.
    """
    latents = encode_scenes(vae, scenes_of(seed, "vae-statistics", 0, 1024))
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    quant, post = vae.quant_conv, vae.post_quant_conv
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= std.view(1, -1, 1, 1)
    quant.weight[:LATENT_CHANNELS] /= std.view(-1, 1, 1, 1)
    quant.bias[:LATENT_CHANNELS] = (quant.bias[:LATENT_CHANNELS] - mean) / std
    quant.bias[LATENT_CHANNELS:] -= 2 * std.log()


@torch.no_grad()
def encode_scenes(vae: AutoencoderKL, scenes: list[Scene], batch: int = 64) -> Tensor:
    """Posterior means, [len(scenes), 12, 8, 8]."""
    device = next(vae.parameters()).device
    parts = [
        render(scenes[i : i + batch]).mul(2).sub(1).to(device) for i in range(0, len(scenes), batch)
    ]
    return torch.cat(
        [
            vae.encode(x.contiguous(memory_format=torch.channels_last)).latent_dist.mean
            for x in parts
        ]
    )
