"""Metrics: one number per edit, one file per metric."""

from ids.metrics.clip import Clip
from ids.metrics.clip_directional import ClipDirectional
from ids.metrics.clip_image import ClipImage
from ids.metrics.clip_score import ClipScore
from ids.metrics.dino import Dino
from ids.metrics.feature_distance import FeatureDistance
from ids.metrics.fit_psnr import FitPSNR
from ids.metrics.geometry import DepthChange, WarpError
from ids.metrics.iou import IoU
from ids.metrics.ip2p import InstructPix2PixSimilarity
from ids.metrics.latent_distance import LatentDistance
from ids.metrics.lpips import LPIPS
from ids.metrics.mse import MSE
from ids.metrics.over_views import OverViews
from ids.metrics.pie import (
    PieClipSimilarity,
    PieLPIPS,
    PieMSE,
    PiePSNR,
    PieSSIM,
    PieStructureDistance,
)
from ids.metrics.psnr import PSNR
from ids.metrics.saturated_object import SaturatedObject
from ids.metrics.segmenter import ClipSeg
from ids.metrics.ssim import SSIM
from ids.metrics.structure_distance import StructureDistance
from ids.metrics.success import Success
from ids.metrics.transformers_clip import TransformersClip
from ids.metrics.wide_success import WideSuccess

__all__ = [
    "LPIPS",
    "MSE",
    "PSNR",
    "SSIM",
    "Clip",
    "ClipDirectional",
    "ClipImage",
    "ClipScore",
    "ClipSeg",
    "DepthChange",
    "Dino",
    "FeatureDistance",
    "FitPSNR",
    "InstructPix2PixSimilarity",
    "IoU",
    "LatentDistance",
    "OverViews",
    "PieClipSimilarity",
    "PieLPIPS",
    "PieMSE",
    "PiePSNR",
    "PieSSIM",
    "PieStructureDistance",
    "SaturatedObject",
    "StructureDistance",
    "Success",
    "TransformersClip",
    "WarpError",
    "WideSuccess",
]
