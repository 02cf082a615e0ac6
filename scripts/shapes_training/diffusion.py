"""The text-conditioned denoiser: a UNet and a CLIP text encoder, trained together on cached latents
of the world.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ids.shapes.caption import caption, draw_mentioned, vocabulary
from ids.shapes.scene import Scene
from shapes_training.autoencoder import LATENT_CHANNELS, encode_scenes
from shapes_training.course import Budget, Course, Outcome

TEXT_WIDTH = 64
TEXT_LENGTH = 16
DROP_CAPTION = 0.12  # the empty prompt of classifier-free guidance
SNR_CAP = 5.0  # min-SNR weighting (Hang et al. 2023)
CHUNK = 1000


Draw = Callable[[int], list[Scene]]


@dataclass(frozen=True)
class Library:
    """Scenes with their latents, encoded once."""

    scenes: list[Scene]
    latents: Tensor


@dataclass(frozen=True)
class Pupil:
    """What is trained: `unet` and `text_encoder`, and the captions of their scenes. The name is
    that of checkpoint and random draws.
    """

    name: str
    modules: nn.ModuleDict
    tokenizer: CLIPTokenizer
    caption: Callable[[Scene, np.random.Generator], str]


def new_pupil(seed: int) -> Pupil:
    """Networks with random weights, and captions of objects."""
    torch.manual_seed(seed + 1)
    tokenizer = new_tokenizer()
    return Pupil("unet", new_networks(tokenizer), tokenizer, _training_caption)


def new_tokenizer(more: Sequence[str] = ()) -> CLIPTokenizer:
    words, merges = vocabulary(more)
    return CLIPTokenizer(vocab=words, merges=merges, model_max_length=TEXT_LENGTH)


def new_scheduler() -> DDPMScheduler:
    return DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )


def new_networks(tokenizer: CLIPTokenizer) -> nn.ModuleDict:
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        block_out_channels=(64, 128),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return nn.ModuleDict({"unet": unet, "text_encoder": text})


def build_library(folder: Path, vae: AutoencoderKL, count: int, draw: Draw) -> Library:
    """Scenes, drawn by the number of their chunk, and their latents, cached by chunk in `folder`:
    an interrupted build resumes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes, parts = [], []
    for chunk in range(count // CHUNK):
        batch = draw(chunk)
        path = folder / f"latents-{chunk:03}.pt"
        if not path.exists():
            torch.save(encode_scenes(vae, batch).cpu().contiguous(), path.with_suffix(".partial"))
            path.with_suffix(".partial").replace(path)
            print(f"latents: {chunk + 1} of {count // CHUNK} thousand", flush=True)
        parts.append(torch.load(path, weights_only=True))
        scenes += batch
    return Library(scenes, torch.cat(parts))


def train_diffusion(
    folder: Path, budget: Budget, library: Library, pupil: Pupil, seed: int, device: torch.device
) -> Outcome:
    schedule = new_scheduler()
    alpha_bar = schedule.alphas_cumprod.to(device)
    per_epoch = len(library.scenes) // budget.batch

    def loss(modules: nn.ModuleDict, step: int) -> Tensor:
        rng = np.random.default_rng([seed, *pupil.name.encode(), step])
        order = np.random.default_rng([seed, *b"epoch", step // per_epoch]).permutation(
            len(library.scenes)
        )
        chosen = order[(step % per_epoch) * budget.batch :][: budget.batch]
        text = [pupil.caption(library.scenes[i], rng) for i in chosen]
        z = library.latents[torch.from_numpy(chosen)].to(device)
        noise = torch.from_numpy(rng.standard_normal(z.shape, dtype=np.float32)).to(device)
        t = _stratified_timesteps(rng, len(chosen)).to(device)
        snr = (alpha_bar[t] / (1 - alpha_bar[t])).view(-1, 1, 1, 1)
        y = modules["text_encoder"](tokenize(pupil.tokenizer, text).to(device)).last_hidden_state
        predicted = modules["unet"](
            schedule.add_noise(z, noise, t), t, encoder_hidden_states=y
        ).sample
        weight = snr.clamp(max=SNR_CAP) / snr
        total: Tensor = (weight * (predicted - noise).square()).mean()
        return total

    return Course(pupil.name, folder, budget, pupil.modules.to(device)).run(loss)


def tokenize(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    tokens = tokenizer(
        list(texts),
        padding="max_length",
        max_length=TEXT_LENGTH,
        truncation=True,
        return_tensors="pt",
    )
    ids: Tensor = tokens.input_ids
    return ids


def _training_caption(scene: Scene, rng: np.random.Generator) -> str:
    return "" if rng.random() < DROP_CAPTION else caption(scene, draw_mentioned(rng))


def _stratified_timesteps(rng: np.random.Generator, count: int) -> Tensor:
    """One timestep per equal slice of 0..999, shuffled: less variance than independent draws."""
    t = (rng.permutation(count) + rng.random(count)) * (1000 / count)
    return torch.from_numpy(t.astype(np.int64).clip(max=999))
