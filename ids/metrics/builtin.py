"""The package's metrics by name, for tables of stores whose records have no titles."""

from typing import get_args

from ids.core.protocols import Metric
from ids.metrics.clip import SHAPES, Clip
from ids.metrics.clip_directional import ClipDirectional
from ids.metrics.clip_image import ClipImage
from ids.metrics.clip_score import ClipScore
from ids.metrics.comparison import Against, Region
from ids.metrics.feature_distance import FeatureDistance
from ids.metrics.latent_distance import LatentDistance
from ids.metrics.lpips import LPIPS
from ids.metrics.lpips_network import NETS
from ids.metrics.mse import MSE
from ids.metrics.pie import PieLPIPS, PieMSE, PiePSNR, PieSSIM
from ids.metrics.pie.parts import Part, Stack
from ids.metrics.psnr import PSNR
from ids.metrics.ssim import SSIM
from ids.metrics.success import Success


def builtin_metrics() -> dict[str, Metric]:
    """Every metric of this package, by its name. No weights are read."""
    clip = Clip(SHAPES, None)
    metrics: list[Metric] = [Success(), Success("source"), LatentDistance()]
    metrics += [ClipScore(clip), ClipImage(clip), ClipDirectional(clip)]
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
    return {metric.name: metric for metric in metrics}
