"""Where cases come from: one source, one file."""

from ids.data.folder import Folder
from ids.data.shapes import Shapes
from ids.data.single import Single

__all__ = ["Folder", "Shapes", "Single"]
