"""Stable Diffusion 1.x and 2.x from a diffusers folder or hub id."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from ids.backbones.layouts import STABLE_DIFFUSION
from ids.backbones.model_folder import ModelFolder
from ids.backbones.model_place import ModelPlace
from ids.core.capabilities import (
    FeatureBackbone,
    HookedBackbone,
    PosteriorSchedule,
    TokenBackbone,
)
from ids.core.needed import NeededFile
from ids.shapes import WEIGHTS, WIDE_WEIGHTS

if TYPE_CHECKING:
    from ids.backbones.latent_diffusion import LatentDiffusion

SHIPPED = {"shapes": WEIGHTS, "shapes_wide": WIDE_WEIGHTS}  # path -> folder
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def check_precision(precision: str) -> None:
    """`ValueError` for one that is none of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"backbone.precision: expected one of {', '.join(PRECISIONS)}; got {precision!r}"
        )


@dataclass(frozen=True)
class StableDiffusion:
    """A diffusers folder: unet, vae, text_encoder, tokenizer, scheduler. eps- and v-prediction;
    safetensors only.

    `path` is a local folder, a hub id, or `shapes` or `shapes_wide` for the embedded world.
    `precision` is the UNet's and text encoder's; latents, schedule and autoencoder stay float32.
    `truncate` cuts prompts that are too long. `image_size` is the side, in pixels, of the images it
    was trained on, `fpr_scale` the released lambda at the size d of their latents, sqrt(d / 16384):
    the default values of data sets and FPR. `freeu`: b1, b2, s1 and s2, with which FreeU changes
    the UNet.
    """

    path: str
    precision: str = "fp32"
    truncate: bool = False
    image_size: int = 512
    fpr_scale: float = 1.0
    freeu: Sequence[float] | None = None

    gives: ClassVar[frozenset[type]] = frozenset(
        {FeatureBackbone, HookedBackbone, PosteriorSchedule, TokenBackbone}
    )

    def __post_init__(self) -> None:
        check_precision(self.precision)
        if self.freeu is not None and not _is_freeu(self.freeu):
            raise ValueError(
                "backbone.freeu: expected the four numbers b1, b2, s1 and s2, or null; got "
                f"{self.freeu}"
            )
        if self.freeu is not None:  # a list of a configuration has no hash; a source needs one
            object.__setattr__(self, "freeu", tuple(self.freeu))

    def identity(self) -> Mapping[str, str]:
        """Digest of the weights, precision, truncation and, where it is used, FreeU. `WeightsError`
        for a folder that is not complete, finite and Stable Diffusion; a file that has changed is
        read again.
        """
        freeu = {} if self.freeu is None else {"freeu": str([float(x) for x in self.freeu])}
        return {
            **freeu,
            "weights": self._checked().digest(),
            "precision": self.precision,
            "truncate": str(self.truncate),
        }

    def load(self, device: torch.device) -> "LatentDiffusion":
        """All parts on the device, frozen. `WeightsError` as `identity`; `ConfigError` if the
        precision cannot hold the weights.
        """
        from ids.backbones.autoencoder import KLAutoencoder
        from ids.backbones.clip_tokenizer import load_tokenizer
        from ids.backbones.free_u import FreeU
        from ids.backbones.latent_diffusion import (
            ClipText,
            LatentDiffusion,
            UNetDenoiser,
        )
        from ids.backbones.noise_schedule import noise_schedule, prediction_of

        folder, dtype = self._checked(), PRECISIONS[self.precision]
        unet, text = (folder.network(part, dtype).to(device) for part in ("unet", "text_encoder"))
        if self.freeu is not None:
            FreeU(*self.freeu).register(unet)
        vae = folder.network("vae", torch.float32).to(device)
        scheduler, where = folder.config("scheduler"), folder.where("scheduler")
        schedule = noise_schedule(scheduler, where).to(device)
        tokenizer = load_tokenizer(folder.folder / "tokenizer", f"backbone {self.path}: tokenizer")
        return LatentDiffusion(
            UNetDenoiser(unet, schedule, prediction_of(scheduler)),
            KLAutoencoder(vae),
            ClipText(tokenizer, text, self.truncate),
        )

    def files(self) -> list[NeededFile]:
        """The files of the folder or of the hub's cache, without network access."""
        return self._place.files()

    def _checked(self) -> ModelFolder:
        """The folder, known to be complete. A shipped one fits its configuration: only its values
        are checked, which does not import the model libraries.
        """
        folder = self._place.folder()
        if self.path in SHIPPED:
            folder.check_parts()
            folder.check_values()
        else:
            folder.check()
        return folder

    @cached_property
    def _place(self) -> ModelPlace:
        return ModelPlace(str(SHIPPED.get(self.path, self.path)), STABLE_DIFFUSION)


def _is_freeu(values: object) -> bool:
    if not isinstance(values, Sequence) or len(values) != 4:
        return False
    return all(type(x) in (int, float) and math.isfinite(x) for x in values)
