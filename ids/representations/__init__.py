"""What a case is edited as: latents of an image. A scene is one more representation."""

from ids.representations.latent import LatentImage, LatentSpace, encode

__all__ = ["LatentImage", "LatentSpace", "encode"]
