"""Schedules, guidance, DDIM: the mathematics of diffusion as pure functions."""

from ids.diffusion.caching import noised
from ids.diffusion.guidance import Guided
from ids.diffusion.schedule import VP, Flow, diffuse, posterior, predict_eps, predict_z0
from ids.diffusion.timesteps import Uniform

__all__ = [
    "VP",
    "Flow",
    "Guided",
    "Uniform",
    "diffuse",
    "noised",
    "posterior",
    "predict_eps",
    "predict_z0",
]
