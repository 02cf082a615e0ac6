"""Schedules, guidance, DDIM: the mathematics of diffusion as pure functions."""

from ids.diffusion.annealed import Annealed
from ids.diffusion.bank import Bank
from ids.diffusion.caching import noised
from ids.diffusion.descending import Descending
from ids.diffusion.guidance import Guided
from ids.diffusion.guidance_schedule import ConstantGuidance, RampGuidance, SettleGuidance
from ids.diffusion.schedule import VP, Flow, diffuse, posterior, predict_eps, predict_z0
from ids.diffusion.timesteps import Uniform

__all__ = [
    "VP",
    "Annealed",
    "Bank",
    "ConstantGuidance",
    "Descending",
    "Flow",
    "Guided",
    "RampGuidance",
    "SettleGuidance",
    "Uniform",
    "diffuse",
    "noised",
    "posterior",
    "predict_eps",
    "predict_z0",
]
