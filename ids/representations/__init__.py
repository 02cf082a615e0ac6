"""What is edited."""

from ids.representations.latent import LatentImage, encode

__all__ = ["LatentImage", "encode"]
