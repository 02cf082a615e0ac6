"""The former name of `ids.data.image_files`."""

from ids.data.image_files import ImageFile as PictureFile
from ids.data.image_files import MaskFile

__all__ = ["MaskFile", "PictureFile"]
