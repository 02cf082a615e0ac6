"""What is said of a finished edit: one number, one file."""

from ids.metrics.psnr import PSNR
from ids.metrics.ssim import SSIM
from ids.metrics.strength import LatentDistance

__all__ = ["PSNR", "SSIM", "LatentDistance"]
