"""Metrics: one number per edit, one file per metric."""

from ids.metrics.clip import Clip
from ids.metrics.clip_directional import ClipDirectional
from ids.metrics.clip_image import ClipImage
from ids.metrics.clip_score import ClipScore
from ids.metrics.feature_distance import FeatureDistance
from ids.metrics.latent_distance import LatentDistance
from ids.metrics.lpips import LPIPS
from ids.metrics.mse import MSE
from ids.metrics.pie import PieLPIPS, PieMSE, PiePSNR, PieSSIM
from ids.metrics.psnr import PSNR
from ids.metrics.ssim import SSIM
from ids.metrics.success import Success

__all__ = [
    "LPIPS",
    "MSE",
    "PSNR",
    "SSIM",
    "Clip",
    "ClipDirectional",
    "ClipImage",
    "ClipScore",
    "FeatureDistance",
    "LatentDistance",
    "PieLPIPS",
    "PieMSE",
    "PiePSNR",
    "PieSSIM",
    "Success",
]
