"""Data sets: one source of edit cases per file; and images and masks for cases made in Python.
`__all__` lists the classes that a configuration may name.
"""

from ids.data.folder import Folder
from ids.data.instruct_pix2pix import InstructPix2Pix
from ids.data.memory_images import image_of as image_of
from ids.data.memory_images import mask_of as mask_of
from ids.data.pie import PieBench
from ids.data.pie_plus import PieBenchPlus
from ids.data.scene_shapes import SceneShapes
from ids.data.shapes import Shapes
from ids.data.single import Single
from ids.data.translation import Translation

__all__ = [
    "Folder",
    "InstructPix2Pix",
    "PieBench",
    "PieBenchPlus",
    "SceneShapes",
    "Shapes",
    "Single",
    "Translation",
]
