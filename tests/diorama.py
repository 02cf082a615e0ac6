"""A small scene of the embedded world, its fitted grid, and a stand-in for an autoencoder."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ids.core.capture import Capture
from ids.core.records import EditCase, Edited, EditedScene
from ids.core.tensors import Images, Latent
from ids.data import SceneShapes
from ids.scenes.fit import Fit, mean_psnr
from ids.scenes.model import SceneModel, image_of
from ids.scenes.photos import held_out, shot
from ids.scenes.pull_back import Seen
from ids.scenes.voxels import VoxelGrid, Voxels

CASE: EditCase = SceneShapes(count=1, n_views=10, size=32)[0]
CAPTURE = CASE.source.capture()  # type: ignore[attr-defined]
FIT = Fit(n_steps=40, n_rays=512, rates={"density": 3.0}, checkpoint_every=10)


def encode(x: Images) -> Latent:
    """Nonlinear latents of a quarter of the sides: each depends on its own patch."""
    weight = torch.arange(3 * 3 * 16).view(3, 3, 4, 4).sin().to(x)
    return torch.tanh(F.conv2d(2 * x - 1, weight / 4, stride=4))


def decode(z: Latent) -> Images:
    """An image per latent, clipped as a decoder's: nonlinear, and not the inverse of `encode`."""
    weight = torch.arange(3 * 3 * 16).view(3, 3, 4, 4).sin().to(z)
    return (0.5 + F.conv_transpose2d(z, weight / 8, stride=4)).clamp(0, 1)


@cache
def _fitted() -> dict[str, Tensor]:
    grid = Voxels(24, 24)(CAPTURE)
    FIT(grid, CAPTURE)
    return {name: value.clone() for name, value in grid.state_dict().items()}


def fitted() -> VoxelGrid:
    """A grid of its own for each caller."""
    grid = Voxels(24, 24)(CAPTURE)
    grid.load_state_dict(_fitted())
    return grid


def held_out_psnr(model: SceneModel, capture: Capture) -> float:
    """Mean over the photos that were held out, over all where none was; of pixels with content."""
    return mean_psnr(model, [shot(photo) for photo in held_out(capture)])


def one_graph(seen: Seen) -> Latent:
    """The latent through one graph of the whole view: the reference of the two passes."""
    return seen.encode(image_of(seen.model.render(seen.camera).rgb, seen.camera)[None])


def true_edit() -> Edited:
    """The true scene before and after its true edit, with true distances."""
    views, z = CASE.source.views, torch.zeros(3, 8, 8)  # type: ignore[attr-defined]
    cameras = [photo.camera for photo in CAPTURE.photos]
    before, after = (
        torch.stack([diorama.image(c) for c in cameras]) for diorama in (views.before, views.after)
    )
    distances = torch.stack([views.before.distance(c) for c in cameras]).half()
    solid = torch.ones(distances.shape)
    scene = EditedScene(
        before, after, distances, distances, solid, solid, before[:3], after[:3], {"x": z}
    )
    return Edited(after[0], z, z, scene)
