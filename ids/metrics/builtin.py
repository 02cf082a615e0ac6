"""The package's metrics by name, for tables of stores whose records have no titles."""

from itertools import product
from typing import get_args

from ids.core.protocols import Metric
from ids.metrics.clip import SHAPES, Clip
from ids.metrics.clip_directional import ClipDirectional
from ids.metrics.clip_image import ClipImage
from ids.metrics.clip_pixels import Range
from ids.metrics.clip_score import ClipScore
from ids.metrics.comparison import Against, Region
from ids.metrics.dino import Dino
from ids.metrics.feature_distance import FeatureDistance
from ids.metrics.iou import IoU
from ids.metrics.ip2p import InstructPix2PixSimilarity, Similarity
from ids.metrics.latent_distance import LatentDistance
from ids.metrics.lpips import LPIPS
from ids.metrics.lpips_network import NETS
from ids.metrics.mse import MSE
from ids.metrics.pie import (
    PieClipSimilarity,
    PieLPIPS,
    PieMSE,
    PiePSNR,
    PieSSIM,
    PieStructureDistance,
)
from ids.metrics.pie.clip_similarity import Scored
from ids.metrics.pie.parts import Part, Stack
from ids.metrics.psnr import PSNR
from ids.metrics.segmenter import ClipSeg
from ids.metrics.ssim import SSIM
from ids.metrics.structure_distance import StructureDistance
from ids.metrics.success import Success
from ids.metrics.wide_success import WideSuccess


def builtin_metrics() -> dict[str, Metric]:
    """Every metric of this package, by its name. No weights are read."""
    clip, dino = Clip(SHAPES, None), Dino()
    metrics: list[Metric] = [Success(), Success("source"), WideSuccess(), LatentDistance()]
    metrics += [ClipScore(clip), ClipImage(clip), ClipDirectional(clip)]
    metrics += [ClipScore(clip, "edited"), StructureDistance(dino), IoU(ClipSeg())]
    for region in get_args(Region):
        metrics += [LPIPS(net, region=region) for net in NETS]
    for against in get_args(Against):
        metrics.append(FeatureDistance(against))
        for region in get_args(Region):
            metrics += [PSNR(against, region), SSIM(against, region), MSE(against, region)]
    for part in get_args(Part):
        metrics += [PiePSNR(part), PieMSE(part)]
        for stack in get_args(Stack):
            metrics += [PieSSIM(part, stack), PieLPIPS(part, stack)]
            metrics.append(PieStructureDistance(dino, part, stack))
    for of, stack in product(get_args(Scored), get_args(Stack)):
        metrics.append(PieClipSimilarity(clip, of, stack))
    for similarity, pixels in product(get_args(Similarity), get_args(Range)):
        metrics.append(InstructPix2PixSimilarity(clip, similarity, pixels))
    return {metric.name: metric for metric in metrics}
