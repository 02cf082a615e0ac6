"""Stable Diffusion 3 and 3.5 from a diffusers folder or hub id."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from ids.backbones.layouts import STABLE_DIFFUSION_3
from ids.backbones.model_folder import ModelFolder
from ids.backbones.model_place import ModelPlace
from ids.backbones.stable_diffusion import PRECISIONS, check_precision
from ids.core.capabilities import VelocityBackbone
from ids.core.needed import NeededFile

if TYPE_CHECKING:
    from ids.backbones.flow_text import FlowText
    from ids.backbones.latent_flow import LatentFlow


@dataclass(frozen=True)
class StableDiffusion3:
    """A diffusers folder of a rectified-flow transformer (Esser et al. 2024): transformer, vae, two
    CLIP text encoders, T5 if the folder has it, their tokenizers, scheduler; safetensors only.

    `path` is a local folder or a hub id. `precision` is that of the transformer and of the text
    encoders; latents, schedule and autoencoder stay float32. `truncate` cuts prompts that are too
    long. `image_size` in pixels; `fpr_scale` is the released lambda at the size d of the latents,
    sqrt(d / 16384).
    """

    path: str
    precision: str = "fp32"
    truncate: bool = False
    image_size: int = 1024
    fpr_scale: float = 4.0

    gives: ClassVar[frozenset[type]] = frozenset({VelocityBackbone})

    def __post_init__(self) -> None:
        check_precision(self.precision)

    def identity(self) -> Mapping[str, str]:
        """Digest of the weights, precision, truncation. `WeightsError` for a folder that is not
        complete, finite and Stable Diffusion 3; a file that has changed is read again.
        """
        return {
            "weights": self._checked().digest(),
            "precision": self.precision,
            "truncate": str(self.truncate),
        }

    def load(self, device: torch.device) -> "LatentFlow":
        """All parts on the device, frozen. `WeightsError` as `identity`; `ConfigError` if the
        precision cannot hold the weights.
        """
        from ids.backbones.autoencoder import KLAutoencoder
        from ids.backbones.flow_denoiser import FlowDenoiser
        from ids.backbones.latent_flow import LatentFlow
        from ids.diffusion.schedule import Flow

        folder, dtype = self._checked(), PRECISIONS[self.precision]
        scheduler = folder.config("scheduler")
        schedule = Flow(scheduler["num_train_timesteps"], shift=float(scheduler["shift"]))
        transformer = folder.network("transformer", dtype).to(device)
        vae = folder.network("vae", torch.float32).to(device)
        return LatentFlow(
            FlowDenoiser(transformer, schedule),
            KLAutoencoder(vae),
            self._text(folder, dtype, device),
        )

    def files(self) -> list[NeededFile]:
        """The files of the folder or of the hub's cache, without network access."""
        return self._place.files()

    def _text(self, folder: ModelFolder, dtype: torch.dtype, device: torch.device) -> "FlowText":
        from ids.backbones.clip_tokenizer import load_tokenizer
        from ids.backbones.flow_text import FlowText
        from ids.backbones.latent_diffusion import ClipText
        from ids.backbones.t5_text import T5Text, t5_vocabulary

        clips, t5, where = [], None, f"backbone {self.path}"
        for name, part in STABLE_DIFFUSION_3.tokenizers.items():
            if part not in folder.networks:
                continue
            encoder, at = folder.network(part, dtype).to(device), folder.folder / name
            if part == "text_encoder_3":
                t5 = T5Text(t5_vocabulary(at, f"{where}: {name}"), encoder, self.truncate)
            else:
                tokenizer = load_tokenizer(at, f"{where}: {name}")
                clips.append(ClipText(tokenizer, encoder, self.truncate))
        return FlowText(tuple(clips), t5, folder.config("transformer")["joint_attention_dim"])

    def _checked(self) -> ModelFolder:
        """The folder, known to be complete."""
        folder = self._place.folder()
        folder.check()
        return folder

    @cached_property
    def _place(self) -> ModelPlace:
        return ModelPlace(self.path, STABLE_DIFFUSION_3)
