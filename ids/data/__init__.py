"""Data sets: one source of edit cases per file; and images and masks for cases made in Python."""

from ids.data.folder import Folder
from ids.data.memory_images import image_of, mask_of
from ids.data.shapes import Shapes
from ids.data.single import Single

__all__ = ["Folder", "Shapes", "Single", "image_of", "mask_of"]
