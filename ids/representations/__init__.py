"""What is edited."""

from ids.representations.latent import LatentImage

__all__ = ["LatentImage"]
