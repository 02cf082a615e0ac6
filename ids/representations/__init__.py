"""Representations of a case during its edit: latents of an image, and room for scenes."""

from ids.representations.latent import LatentImage, LatentSpace, encode

__all__ = ["LatentImage", "LatentSpace", "encode"]
