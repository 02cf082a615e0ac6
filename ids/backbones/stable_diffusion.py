"""Stable Diffusion 1.x and 2.x from a diffusers folder or hub id."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ids.core.capabilities import (
    FeatureBackbone,
    HookedBackbone,
    PosteriorSchedule,
    TokenBackbone,
)
from ids.core.errors import WeightsError
from ids.diffusion.schedule import VP

if TYPE_CHECKING:
    from ids.backbones.latent_diffusion import LatentDiffusion

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
REMEDY = "give a local diffusers folder as backbone.path, or point HF_HOME at a cache that holds it"


@dataclass(frozen=True)
class StableDiffusion:
    """A diffusers folder: unet, vae, text_encoder, tokenizer, scheduler. eps- and v-prediction;
    safetensors only.

    `path` is a local folder, a hub id, or `shapes` for the embedded world. `precision` is the
    UNet's and text encoder's; latents, schedule and autoencoder stay float32. `picture_size` is the
    side of the pictures it was trained on, `fpr_scale` the released lambda at the size of their
    latents, sqrt(d / 16384): data sets and FPR take them from here, no edit depends on them else.
    """

    path: str
    precision: str = "fp32"
    truncate: bool = False
    picture_size: int = 512
    fpr_scale: float = 1.0

    gives = frozenset({FeatureBackbone, HookedBackbone, PosteriorSchedule, TokenBackbone})

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"backbone.precision: expected one of {', '.join(PRECISIONS)}; "
                f"got {self.precision!r}"
            )

    def identity(self) -> Mapping[str, str]:
        return {
            "weights": _digest(self._folder()),
            "precision": self.precision,
            "truncate": str(self.truncate),
        }

    def load(self, device: torch.device) -> "LatentDiffusion":
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer
        from transformers.utils.logging import disable_progress_bar as quiet

        from ids.backbones.latent_diffusion import (
            ClipText,
            KLAutoencoder,
            LatentDiffusion,
            UNetDenoiser,
        )

        quiet()  # several bars for less than a second
        folder, dtype = self._folder(), PRECISIONS[self.precision]
        options = {"local_files_only": True, "use_safetensors": True}
        try:
            unet = UNet2DConditionModel.from_pretrained(
                folder, subfolder="unet", torch_dtype=dtype, **options
            )
            vae = AutoencoderKL.from_pretrained(
                folder, subfolder="vae", torch_dtype=torch.float32, **options
            )
            text = CLIPTextModel.from_pretrained(
                folder, subfolder="text_encoder", dtype=dtype, **options
            )
            tokenizer = CLIPTokenizer.from_pretrained(
                folder, subfolder="tokenizer", local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise WeightsError(f"backbone {self.path}: {_first_line(error)}; {REMEDY}") from error
        for part in (unet, vae, text):
            part.requires_grad_(False).eval().to(device)
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        return LatentDiffusion(
            UNetDenoiser(
                unet, _schedule(scheduler).to(device), scheduler.get("prediction_type", "epsilon")
            ),
            KLAutoencoder(vae),
            ClipText(tokenizer, text, self.truncate),
        )

    def _folder(self) -> Path:
        if self.path == "shapes":
            from ids.shapes import WEIGHTS

            return _checked(WEIGHTS)
        local = Path(self.path).expanduser()
        if local.is_dir():
            return _checked(local)
        if self.path.startswith((".", "/", "~")):
            raise WeightsError(
                f"backbone.path: expected a diffusers folder; {self.path!r} does not exist; "
                f"{REMEDY}"
            )
        return _checked(_download(self.path))


def _checked(folder: Path) -> Path:
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise WeightsError(
            f"backbone.path: expected the folders {', '.join(PARTS)} in {folder}; "
            f"missing: {', '.join(missing)}; {REMEDY}"
        )
    return folder


@cache
def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    allowed = [
        f"{part}/{pattern}" for part in PARTS for pattern in ("*.json", "*.txt", "*.safetensors")
    ]
    try:
        return Path(
            snapshot_download(
                hub_id, allow_patterns=allowed, ignore_patterns=["*.fp16.*", "*non_ema*"]
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"backbone {hub_id}: neither a local folder nor a hub id within reach; {REMEDY}"
        ) from error


@cache
def _digest(folder: Path) -> str:
    """Of everything that decides results: weights, configurations, vocabulary."""
    total = hashlib.sha256()
    for part in PARTS:
        for file in sorted((folder / part).iterdir()):
            if file.suffix in (".safetensors", ".json", ".txt"):
                with file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
                total.update(f"{part}/{file.name}={content}\n".encode())
    return total.hexdigest()[:16]


def _schedule(config: Mapping[str, object]) -> VP:
    from diffusers import DDPMScheduler

    known = {
        k: v
        for k, v in config.items()
        if k in ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
    }
    scheduler = DDPMScheduler(**known, trained_betas=config.get("trained_betas"))
    if config.get("rescale_betas_zero_snr"):
        raise WeightsError(
            "backbone scheduler: zero terminal SNR is not supported: "
            "alpha(T) = 0 has no posterior mean"
        )
    return VP((1 - scheduler.betas.double()).cumprod(0))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
