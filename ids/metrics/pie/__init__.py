"""The numbers of PIE-Bench's released evaluation, with its conventions: to compare with published
tables. `ids.metrics` has the same metrics as their papers define them.
"""

from ids.metrics.pie.lpips import PieLPIPS
from ids.metrics.pie.mse import PieMSE
from ids.metrics.pie.psnr import PiePSNR
from ids.metrics.pie.ssim import PieSSIM

__all__ = ["PieLPIPS", "PieMSE", "PiePSNR", "PieSSIM"]
