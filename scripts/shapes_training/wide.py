"""The wide networks: the shipped UNet and text encoder, trained further on captions that name the
background, and on scenes without an object.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTextModel

from ids.shapes import WEIGHTS
from ids.shapes.caption import NOTHING, WIDE_WORDS, caption, draw_mentioned, wide_caption
from ids.shapes.scene import WIDE_VALUES, Scene
from shapes_training.autoencoder import scenes_of
from shapes_training.classifier import Reader
from shapes_training.course import Budget, Outcome
from shapes_training.diffusion import (
    CHUNK,
    DROP_CAPTION,
    Pupil,
    build_library,
    new_tokenizer,
    train_diffusion,
)

EMPTY = 0.15  # share of scenes without an object
UNNAMED = 0.3  # share of captions without the background, as the shipped networks know them


def train_wide(
    folder: Path, budget: Budget, scenes: int, seed: int, device: torch.device
) -> Outcome:
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32).to(device)
    library = build_library(
        folder, vae, scenes, lambda chunk: wide_scenes_of(seed, "wide", chunk, CHUNK)
    )
    return train_diffusion(folder, budget, library, wide_pupil(seed), seed, device)


def wide_scenes_of(seed: int, stage: str, step: int, count: int) -> list[Scene]:
    """As `scenes_of`, some of them without their object."""
    rng = np.random.default_rng([seed, *b"empty", *stage.encode(), step])
    empty = rng.random(count) < EMPTY
    scenes = scenes_of(seed, stage, step, count)
    return [s.without_object() if e else s for s, e in zip(scenes, empty, strict=True)]


WIDE_READER = Reader("wide-classifier", WIDE_VALUES, wide_scenes_of)


def wide_pupil(seed: int) -> Pupil:
    """The shipped networks, with embeddings of the new tokens."""
    torch.manual_seed(seed + 4)
    tokenizer, folder = new_tokenizer(WIDE_WORDS), WEIGHTS / "unet"
    with torch.random.fork_rng():  # from_pretrained would write this machine's path into its files
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder))
    unet.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
    text = CLIPTextModel.from_pretrained(WEIGHTS / "text_encoder", torch_dtype=torch.float32)
    text.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    modules = nn.ModuleDict({"unet": unet.train(), "text_encoder": text.train()})
    return Pupil("wide", modules, tokenizer, _training_caption)


def _training_caption(scene: Scene, rng: np.random.Generator) -> str:
    if rng.random() < DROP_CAPTION:
        return ""
    mentioned = draw_mentioned(rng)
    if rng.random() >= UNNAMED:
        return wide_caption(scene, mentioned)
    return NOTHING if scene.is_empty else caption(scene, mentioned)
