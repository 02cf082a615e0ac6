"""Diffusion models behind the `Backbone` protocol. Heavy libraries are imported when a backbone is
loaded.
"""

from ids.backbones.gaussian import Gaussian, GaussianWorld
from ids.backbones.in_memory import InMemory, in_memory, weights_id
from ids.backbones.latent_diffusion import LatentDiffusion
from ids.backbones.pipeline import from_pipeline
from ids.backbones.stable_diffusion import StableDiffusion

__all__ = [
    "Gaussian",
    "GaussianWorld",
    "InMemory",
    "LatentDiffusion",
    "StableDiffusion",
    "from_pipeline",
    "in_memory",
    "weights_id",
]
