"""Stable Diffusion 1.x and 2.x from a diffusers folder or hub id."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch

from ids.backbones.model_folder import INDEX, NETWORKS, PARTS, REMEDY, ModelFolder
from ids.core.capabilities import (
    FeatureBackbone,
    HookedBackbone,
    PosteriorSchedule,
    TokenBackbone,
)
from ids.core.errors import WeightsError

if TYPE_CHECKING:
    from ids.backbones.latent_diffusion import LatentDiffusion

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class StableDiffusion:
    """A diffusers folder: unet, vae, text_encoder, tokenizer, scheduler. eps- and v-prediction;
    safetensors only.

    `path` is a local folder, a hub id, or `shapes` for the embedded world. `precision` is the
    UNet's and text encoder's; latents, schedule and autoencoder stay float32. `image_size` is the
    side of the images it was trained on, `fpr_scale` the released lambda at the size of their
    latents, sqrt(d / 16384): data sets and FPR take them from here, no edit depends on them else.
    """

    path: str
    precision: str = "fp32"
    truncate: bool = False
    image_size: int = 512
    fpr_scale: float = 1.0

    gives: ClassVar[frozenset[type]] = frozenset(
        {FeatureBackbone, HookedBackbone, PosteriorSchedule, TokenBackbone}
    )

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"backbone.precision: expected one of {', '.join(PRECISIONS)}; "
                f"got {self.precision!r}"
            )

    def identity(self) -> Mapping[str, str]:
        """`WeightsError` where the folder is not whole, finite, and Stable Diffusion.
        Read before the first edit; read again where a file has changed since.
        """
        return {
            "weights": self._checked().digest(),
            "precision": self.precision,
            "truncate": str(self.truncate),
        }

    def load(self, device: torch.device) -> "LatentDiffusion":
        from ids.backbones.clip_tokenizer import load_tokenizer
        from ids.backbones.latent_diffusion import (
            ClipText,
            KLAutoencoder,
            LatentDiffusion,
            UNetDenoiser,
        )
        from ids.backbones.noise_schedule import noise_schedule, prediction_of

        folder, dtype = self._checked(), PRECISIONS[self.precision]
        unet, text = (folder.network(part, dtype).to(device) for part in ("unet", "text_encoder"))
        vae = folder.network("vae", torch.float32).to(device)
        scheduler, where = folder.config("scheduler"), folder.where("scheduler")
        schedule = noise_schedule(scheduler, where).to(device)
        tokenizer = load_tokenizer(folder.folder / "tokenizer", f"backbone {self.path}: tokenizer")
        return LatentDiffusion(
            UNetDenoiser(unet, schedule, prediction_of(scheduler)),
            KLAutoencoder(vae),
            ClipText(tokenizer, text, self.truncate),
        )

    def _checked(self) -> ModelFolder:
        """The folder, known to be whole. The shipped one is known to fit its configuration: a look
        at its values is enough, and saves the libraries' start where nothing is left to do.
        """
        folder = ModelFolder(self._folder())
        if self.path == "shapes":
            folder.check_parts()
            folder.check_values()
        else:
            folder.check()
        return folder

    def _folder(self) -> Path:
        if self.path == "shapes":
            from ids.shapes import WEIGHTS

            return WEIGHTS
        local = Path(self.path).expanduser()
        if local.is_dir():
            return local
        if self.path.startswith((".", "/", "~")):
            raise WeightsError(
                f"backbone.path: expected a diffusers folder; {self.path!r} does not exist; "
                f"{REMEDY}"
            )
        return _download(self.path)


@cache
def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ("*.json", "*.txt", "*.safetensors")
    allowed = [INDEX, *(f"{part}/{pattern}" for part in PARTS for pattern in patterns)]
    try:
        folder = Path(
            snapshot_download(
                hub_id, allow_patterns=allowed, ignore_patterns=["*.fp16*", "*non_ema*"]
            )
        )
        if not all(any((folder / part).glob("*.safetensors")) for part in NETWORKS):
            snapshot_download(hub_id, allow_patterns=allowed, ignore_patterns=["*non_ema*"])
        return folder
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"backbone {hub_id}: neither a local folder nor a hub id within reach; {REMEDY}"
        ) from error
