"""Networks behind the contract. Heavy libraries are imported where a backbone is loaded, not
before.
"""

from ids.backbones.gaussian import Gaussian, GaussianWorld
from ids.backbones.latent_diffusion import LatentDiffusion
from ids.backbones.stable_diffusion import StableDiffusion

__all__ = ["Gaussian", "GaussianWorld", "LatentDiffusion", "StableDiffusion"]
