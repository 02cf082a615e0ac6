"""The numbers of PIE-Bench's released evaluation, with its conventions: to compare with published
tables. `ids.metrics` has the same metrics as their papers define them.
"""

from ids.metrics.pie.clip_similarity import PieClipSimilarity
from ids.metrics.pie.lpips import PieLPIPS
from ids.metrics.pie.mse import PieMSE
from ids.metrics.pie.psnr import PiePSNR
from ids.metrics.pie.ssim import PieSSIM
from ids.metrics.pie.structure_distance import PieStructureDistance

__all__ = [
    "PieClipSimilarity",
    "PieLPIPS",
    "PieMSE",
    "PiePSNR",
    "PieSSIM",
    "PieStructureDistance",
]
