"""A golden folder, and the parts of a run that recordings replace: draws, prompts, network. No
arithmetic here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion, UNetDenoiser
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Images, Latent, Prompt
from ids.diffusion import VP

TEXTS = {"": "emb_null", "source": "emb_src", "target": "emb_trg"}


@dataclass(frozen=True)
class Golden:
    """One folder of the golden format."""

    folder: Path

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        return load_file(self.folder / "inputs_tiny.safetensors")

    def tensors(self, name: str) -> dict[str, Tensor]:
        return load_file(self.folder / f"{name}.safetensors")

    def description(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return content

    def names(self) -> list[str]:
        """Every recording, the weights and shared inputs aside."""
        found = (
            path.relative_to(self.folder).with_suffix("")
            for path in self.folder.glob("*/*.safetensors")
        )
        return sorted(str(name) for name in found if not name.parts[0].startswith("model_"))

    def backbone(self, dtype: torch.dtype) -> LatentDiffusion:
        """The stored network, prompts and schedule in this precision."""
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(self.folder / "model_tiny", torch_dtype=dtype)
        schedule = VP(self.inputs["alphas_cumprod_f32"].double(), dtype)
        prompts = {text: self.inputs[name].to(dtype) for text, name in TEXTS.items()}
        denoiser = UNetDenoiser(unet.requires_grad_(False).eval(), schedule)
        return LatentDiffusion(denoiser, NoAutoencoder(), StoredPrompts(prompts))


@dataclass(frozen=True)
class StoredPrompts:
    """Embeddings by text."""

    known: Mapping[str, Prompt]

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return torch.cat([self.known[text] for text in texts])


@dataclass(frozen=True)
class NoAutoencoder:
    """Recordings start from latents."""

    def encode(self, x: Images) -> Latent:
        raise TypeError("a replay encodes no picture")

    def decode(self, z: Latent) -> Images:
        raise TypeError("a replay decodes no picture")


@dataclass(frozen=True)
class RecordedDraws:
    """Timestep and noise of each step, as they were drawn then."""

    t: Tensor  # [steps]
    eps: Tensor  # [steps, 1, C, H, W]

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        return Draw(self.t[rng.step : rng.step + 1], self.eps[rng.step].to(z_src), rng)


@dataclass
class Worst:
    """The largest absolute error seen under each name."""

    errors: dict[str, float] = field(default_factory=dict)

    def compare(self, name: str, ours: Tensor, golden: Tensor) -> None:
        if ours.shape != golden.shape:
            raise ValueError(f"{name}: shapes {tuple(ours.shape)} and {tuple(golden.shape)}")
        error = float((ours.double() - golden.double()).abs().max())
        # NaN compares as nothing: it must not pass as small.
        self.errors[name] = max(
            self.errors.get(name, 0.0), error if error == error else float("inf")
        )
