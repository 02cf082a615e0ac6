"""Representations of a case during its edit: latents of an image, or a scene with its model.
`__all__` lists the classes that a configuration may name.
"""

from ids.representations.latent import LatentImage as LatentImage
from ids.representations.latent import LatentSpace
from ids.representations.latent import encode as encode
from ids.representations.scene import SceneEditing
from ids.representations.scenes import Scenes
from ids.scenes.fit import Fit
from ids.scenes.gaussians import GaussianSplats
from ids.scenes.triplane import TriPlanes
from ids.scenes.voxels import Voxels

__all__ = [
    "Fit",
    "GaussianSplats",
    "LatentSpace",
    "SceneEditing",
    "Scenes",
    "TriPlanes",
    "Voxels",
]
