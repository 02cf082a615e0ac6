"""Diffusion models behind the `Backbone` protocol. Heavy libraries are imported when a backbone is
loaded. `__all__` lists the classes that a configuration may name, and those they load.
"""

from ids.backbones.gaussian import Gaussian, GaussianWorld
from ids.backbones.latent_diffusion import LatentDiffusion
from ids.backbones.latent_flow import LatentFlow
from ids.backbones.loaded import InMemory as InMemory
from ids.backbones.loaded import in_memory as in_memory
from ids.backbones.loaded import weights_id as weights_id
from ids.backbones.pipeline import from_pipeline as from_pipeline
from ids.backbones.stable_diffusion import StableDiffusion
from ids.backbones.stable_diffusion_3 import StableDiffusion3

__all__ = [
    "Gaussian",
    "GaussianWorld",
    "LatentDiffusion",
    "LatentFlow",
    "StableDiffusion",
    "StableDiffusion3",
]
