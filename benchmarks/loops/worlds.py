"""Networks for measurements: the embedded world, and Stable Diffusion's topology at any width with
random weights. Nothing is downloaded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ids.backbones import StableDiffusion
from ids.backbones.latent_diffusion import LatentDiffusion, UNetDenoiser
from ids.core.edit import EditContext, Editor
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.core.tensors import Images, Latent
from ids.data import Shapes
from ids.diffusion.schedule import scaled_linear_vp
from ids.representations import LatentImage, LatentSpace

SD15 = (320, 640, 1280, 1280)  # Stable Diffusion 1.5
NARROW = (32, 64, 128, 128)
TEXT_LENGTH = 77
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class NoAutoencoder:
    """Stands in where latents are given and no image is decoded."""

    def encode(self, x: Images) -> Latent:
        raise AssertionError("the loops stay in latents")

    def decode(self, z: Latent) -> Images:
        raise AssertionError("the loops stay in latents")


@dataclass(frozen=True)
class RandomText:
    """Random embeddings [B, 77, width], a function of the text."""

    device: torch.device
    width: int = 768
    _known: dict[str, Prompt] = field(default_factory=dict, repr=False)

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return Prompt.cat([self._encode(text) for text in texts])

    def _encode(self, text: str) -> Prompt:
        if text not in self._known:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
            rng = torch.Generator().manual_seed(seed)
            row = torch.randn(1, TEXT_LENGTH, self.width, generator=rng)
            self._known[text] = Prompt(row.to(self.device))
        return self._known[text]


def random_unet(
    widths: Sequence[int], channels: int = 4, text_width: int = 768, layers: int = 2
) -> Any:
    """Stable Diffusion 1.x's UNet with these widths per level, on the CPU, frozen, in float32. Its
    last layer is scaled so that noise predictions have a standard deviation near 1.
    """
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet: Any = UNet2DConditionModel(
            in_channels=channels,
            out_channels=channels,
            block_out_channels=tuple(widths),
            cross_attention_dim=text_width,
            layers_per_block=layers,
            norm_num_groups=min(32, widths[0] // 2),
        )
    torch.nn.init.normal_(
        unet.conv_out.weight,
        std=(widths[0] * 9 * 0.35) ** -0.5,  # SiLU of a normal variable has a mean square of 0.35
        generator=torch.Generator().manual_seed(1),
    )
    return unet.eval().requires_grad_(False)


def topology(
    widths: Sequence[int],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    layers: int = 2,
) -> LatentDiffusion:
    """A random UNet of these widths with random text: edits of given latents alone."""
    unet = random_unet(widths, layers=layers).to(device, dtype)
    denoiser = UNetDenoiser(unet, scaled_linear_vp().to(device))
    return LatentDiffusion(denoiser, NoAutoencoder(), RandomText(device))


def small_random(device: torch.device) -> LatentDiffusion:
    """The smallest `topology`, with a layer per block, for tests."""
    return topology((16, 16, 32, 32), device, layers=1)


def embedded(device: torch.device, precision: str = "fp32") -> LatentDiffusion:
    """The embedded world: trained networks, 12 x 8 x 8 latents of images of 64 pixels."""
    return StableDiffusion("shapes", precision=precision, image_size=64).load(device)


def small_topology(device: torch.device, precision: str = "fp32") -> LatentDiffusion:
    """The embedded world's autoencoder and text encoder around a small random UNet of Stable
    Diffusion's topology.
    """
    world = embedded(device, precision)
    unet = random_unet((16, 16, 32, 32), channels=12, text_width=64)
    unet = unet.to(device, PRECISIONS[precision])
    return replace(world, denoiser=replace(world.denoiser, unet=unet))


def shape_cases(count: int, size: int = 64) -> list[EditCase]:
    """The first cases of the embedded world."""
    dataset = Shapes(count=count, size=size)
    return [dataset[i] for i in range(count)]


def latents_of(backbone: Backbone, cases: Sequence[EditCase]) -> Latent:
    """The encoded sources [B, C, H, W]."""
    return LatentSpace().open(backbone, cases).z_src


def random_latents(count: int, shape: Sequence[int], device: torch.device) -> Latent:
    """[count, *shape], standard normal; row i does not depend on `count`."""
    rows = [torch.randn(*shape, generator=torch.Generator().manual_seed(i)) for i in range(count)]
    return torch.stack(rows).to(device)


def edited(
    editor: Editor, backbone: Backbone, z_src: Latent, cases: Sequence[EditCase], seed: int = 0
) -> Latent:
    """z_trg of an edit, one row per case; equal sources share their draws."""
    subject = LatentImage(z_src, cases, backbone.decode)
    editor(EditContext(backbone, Streams.of(seed, [case.source_digest for case in cases])), subject)
    return subject.z_trg.detach()
