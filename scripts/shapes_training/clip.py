"""A small CLIP (Radford et al. 2021; open_clip's architecture) of the embedded world, contrastive
over true and false captions.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from torch import Tensor, nn
from torch.nn import functional as F

from ids.shapes.caption import caption, draw_mentioned, parse_caption
from ids.shapes.render import render
from ids.shapes.scene import Scene
from shapes_training.autoencoder import scenes_of
from shapes_training.classifier import degrade
from shapes_training.course import Budget, Course, Outcome
from shapes_training.diffusion import TEXT_LENGTH, new_tokenizer, tokenize

LAYOUT: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {
        "image_size": 64,
        "patch_size": 8,
        "width": 96,
        "head_width": 24,
        "layers": 4,
        "pool_type": "avg",
    },
    "text_cfg": {
        "context_length": TEXT_LENGTH,
        "vocab_size": len(new_tokenizer()),
        "width": 64,
        "heads": 4,
        "layers": 2,
        "hf_tokenizer_name": "beside this file",  # open_clip reads a local folder's tokenizer
    },
}
PREPROCESSING = {"size": 64, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}


def new_clip() -> CLIP:
    return CLIP(
        LAYOUT["embed_dim"],
        CLIPVisionCfg(**LAYOUT["vision_cfg"]),
        CLIPTextCfg(**LAYOUT["text_cfg"]),
    )


def train_clip(folder: Path, budget: Budget, seed: int, device: torch.device) -> Outcome:
    torch.manual_seed(seed + 3)
    tokenizer = new_tokenizer()

    def loss(modules: nn.ModuleDict, step: int) -> Tensor:
        clip: Any = modules["clip"]
        rng = np.random.default_rng([seed, *b"captions", step])
        scenes = scenes_of(seed, "clip", step, budget.batch)
        texts = [caption(scene, draw_mentioned(rng)) for scene in scenes]
        x = degrade(render(scenes), torch.Generator().manual_seed(step)).mul(2).sub(1)
        images = clip.encode_image(x.to(device), normalize=True)
        words = clip.encode_text(tokenize(tokenizer, texts).to(device), normalize=True)
        logits = clip.logit_scale.exp().clamp(max=100) * images @ words.T
        true = _is_true(texts, scenes).to(device)
        return _contrast(logits, true) + _contrast(logits.T, true.T)

    modules = nn.ModuleDict({"clip": new_clip()}).to(device)
    return Course("clip", folder, budget, modules).run(loss)


def _is_true(texts: list[str], scenes: list[Scene]) -> Tensor:
    """[i, j]: whether caption j is true of scene i, as captions of other scenes often are."""
    claims = [parse_caption(text) for text in texts]
    return torch.tensor(
        [[all(getattr(s, a) == v for a, v in claim.items()) for claim in claims] for s in scenes]
    )


def _contrast(logits: Tensor, true: Tensor) -> Tensor:
    """Cross entropy of each row against all its true captions, in equal shares."""
    shares = true / true.sum(1, keepdim=True)
    return F.cross_entropy(logits, shares)
