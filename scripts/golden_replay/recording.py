"""A golden folder, and the parts of a run that recordings replace: draws, prompts, network."""

import hashlib
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
from ids.core.capabilities import Transition
from ids.core.prompt import Prompt
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Coefficient, Images, Latent, Timestep
from ids.diffusion import VP

TEXTS = {"": "emb_null", "source": "emb_src", "target": "emb_trg", "negative": "emb_neg"}


@dataclass(frozen=True)
class Golden:
    """One folder of the golden format."""

    folder: Path

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        return self.inputs_of("tiny")

    @cached_property
    def inputs_sd4(self) -> dict[str, Tensor]:
        """The inputs for the network of Stable Diffusion's topology."""
        return self.inputs_of("sd4")

    def inputs_of(self, network: str) -> dict[str, Tensor]:
        """The inputs that were stored with a network, such as `tiny`."""
        return load_file(self.folder / f"inputs_{network}.safetensors")

    def tensors(self, name: str) -> dict[str, Tensor]:
        return load_file(self.folder / f"{name}.safetensors")

    def description(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return content

    def names(self) -> list[str]:
        """Every recording, without weights and shared inputs."""
        found = (
            path.relative_to(self.folder).with_suffix("")
            for path in self.folder.glob("*/*.safetensors")
        )
        return sorted(str(name) for name in found if not name.parts[0].startswith("model_"))

    def backbone(self, dtype: torch.dtype, network: str = "tiny") -> LatentDiffusion:
        """A stored network, `tiny` or `sd4`, its prompts and schedule in this precision."""
        unet = network_of("UNet2DConditionModel", self.folder / f"model_{network}", dtype)
        inputs = self.inputs_of(network)
        table = inputs if "alphas_cumprod_f32" in inputs else self.inputs
        schedule = RecordedSchedule(
            VP(table["alphas_cumprod_f32"].double(), dtype), self.folder / "scheduler_ddpm"
        )
        prompts = {
            text: Prompt(inputs[name].to(dtype)) for text, name in TEXTS.items() if name in inputs
        }
        denoiser = UNetDenoiser(unet, schedule)
        return LatentDiffusion(denoiser, NoAutoencoder(), StoredPrompts(prompts))


def network_of(kind: str, folder: Path, dtype: torch.dtype) -> Any:
    """The stored network, of a diffusers class, or, where a `recipe.json` stands for its weights,
    one of the same weights: initialized from the seed, some of them scaled. `ValueError` if their
    digest is another.
    """
    import diffusers

    cls, recipe = getattr(diffusers, kind), folder / "recipe.json"
    if not recipe.is_file():
        return cls.from_pretrained(folder, torch_dtype=dtype).requires_grad_(False).eval()
    made = json.loads(recipe.read_text())
    with torch.random.fork_rng([]):
        torch.manual_seed(made["seed"])
        network: Any = cls.from_config(cls.load_config(folder)).requires_grad_(False).eval()
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        for end, factor in made["scaled"].items():
            if name.endswith(end):
                weight *= factor
        digest.update(name.encode() + weight.numpy().tobytes())
    if digest.hexdigest() != made["sha256"]:
        raise ValueError(f"{recipe}: expected weights of digest {made['sha256']}; got others")
    return torch.nn.Module.to(network, dtype)


@dataclass(frozen=True)
class StoredPrompts:
    """Embeddings by text."""

    known: Mapping[str, Prompt]

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return Prompt.cat([self.known[text] for text in texts])


@dataclass(frozen=True)
class NoAutoencoder:
    """No autoencoder: recordings start from latents."""

    def encode(self, x: Images) -> Latent:
        raise TypeError("a replay encodes no image")

    def decode(self, z: Latent) -> Images:
        raise TypeError("a replay decodes no image")


@dataclass(frozen=True)
class RecordedDraws:
    """The recorded timestep and noise of each step."""

    t: Tensor  # [steps]
    eps: Tensor  # [steps, 1, C, H, W]
    inner: Sequence["RecordedRandomness"] = ()  # of each step
    t_prev: Tensor | None = None  # [steps]

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        at = slice(rng.step, rng.step + 1)
        return Draw(
            self.t[at],
            self.eps[rng.step].to(z_src),
            self.inner[rng.step] if self.inner else rng,
            None if self.t_prev is None else self.t_prev[at],
        )


@dataclass(frozen=True)
class RecordedRandomness:
    """The recorded draws inside a step: permutations in the order of their first use, one noise."""

    permutations: Sequence[Tensor] = ()
    noise: Tensor | None = None
    _order: dict[str, int] = field(default_factory=dict)

    def permutation(self, name: str, n: int) -> Tensor:
        index = self._order.setdefault(name, len(self._order))
        recorded = len(self.permutations[index]) if index < len(self.permutations) else 0
        if recorded != n:
            raise ValueError(f"{name}: expected {n} places; got {recorded} in the recording")
        order = self.permutations[index]
        return order.unsqueeze(0)

    def normal(self, name: str, like: Tensor) -> Tensor:
        assert self.noise is not None
        return self.noise.to(like)


@dataclass(frozen=True)
class RecordedSchedule:
    """A schedule whose single steps are the scheduler's float32 tables, not computed from
    alpha_bar.
    """

    schedule: VP
    config: Path  # the scheduler's folder

    @cached_property
    def tables(self) -> tuple[Tensor, Tensor]:
        """alpha_t and beta_t, [T] each."""
        from diffusers import DDPMScheduler

        scheduler = DDPMScheduler.from_pretrained(self.config, local_files_only=True)
        return scheduler.alphas.double(), scheduler.betas.double()

    @property
    def n_timesteps(self) -> int:
        return self.schedule.n_timesteps

    def alpha(self, t: Timestep) -> Coefficient:
        return self.schedule.alpha(t)

    def sigma(self, t: Timestep) -> Coefficient:
        return self.schedule.sigma(t)

    def transition(self, t: Timestep, t_prev: Timestep) -> Transition:
        """The single steps that the released PDS uses. `ValueError` for others."""
        if not torch.equal(t_prev, t - 1):
            raise ValueError(f"a recorded table has single steps; got {t_prev} to {t}")
        return Transition(*(table[t].view(-1, 1, 1, 1) for table in self.tables))


@dataclass
class Worst:
    """The largest error seen under each name: absolute, or relative to the largest number."""

    errors: dict[str, float] = field(default_factory=dict)

    def compare(self, name: str, ours: Tensor, golden: Tensor, relative: bool = False) -> None:
        if ours.shape != golden.shape:
            raise ValueError(f"{name}: shapes {tuple(ours.shape)} and {tuple(golden.shape)}")
        error = float((ours.double() - golden.double()).abs().max())
        if relative and error:
            error /= max(float(golden.double().abs().max()), 1e-30)
        # NaN is neither larger nor smaller: it counts as infinite.
        self.errors[name] = max(
            self.errors.get(name, 0.0), error if error == error else float("inf")
        )
