"""What an edit does to the geometry of a scene."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.camera import Camera
from ids.core.capture import SceneSource
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image

Distances = Float[Tensor, "H W"]
EMPTY = 0.01  # opacity below which a ray has hit nothing: it has no distance to compare
OCCLUDED = 0.05  # relative difference of distances beyond which a point is hidden
LEAST_SEEN = 0.05  # share of pixels that another view must see


@dataclass(frozen=True)
class DepthChange:
    """Mean |d_after - d_before| over the median of d_before, of the distances along the rays of all
    views; without rays that hit nothing, neither before nor after the edit.
    """

    name = "depth_change"
    title = "depth change"
    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    best = 0.0
    min_side = 1

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 for unchanged geometry; nan for an edit of an image, or where nothing is hit."""
        return [_change(edited) for edited in edits]


@dataclass(frozen=True)
class WarpError:
    """Do the views of an edited scene agree? Each view is compared with its nearest other one,
    moved into it by its distances: the root mean square difference of colours, where it has hit
    something and neither hides the point from the other.
    """

    name = "warp_error"
    title = "warp error"
    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    best = 0.0
    min_side = 1

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """The mean over the views; nan for an edit of an image."""
        return [_warp_error(case, edited) for case, edited in zip(cases, edits, strict=True)]


def _change(edited: Edited) -> float:
    if (scene := edited.scene) is None:
        return math.nan
    hit = torch.maximum(scene.opacity_before, scene.opacity_after) > EMPTY
    if not hit.any():
        return math.nan
    before, after = scene.distance_before[hit].float(), scene.distance_after[hit].float()
    return float((after - before).abs().mean() / before.median())


def _warp_error(case: EditCase, edited: Edited) -> float:
    if edited.scene is None or not isinstance(case.source, SceneSource):
        return math.nan
    cameras = [photo.camera for photo in case.source.capture().photos]
    images, distances = edited.scene.after, edited.scene.distance_after.float()
    errors = []
    for i, j in enumerate(_nearest(cameras)):
        seen, visible = warped(cameras[i], distances[i], cameras[j], images[j], distances[j])
        visible &= edited.scene.opacity_after[i] > EMPTY
        if float(visible.float().mean()) > LEAST_SEEN:
            errors.append(float((seen - images[i]).square().mean(dim=0)[visible].mean().sqrt()))
    return sum(errors) / len(errors) if errors else math.nan


def warped(
    camera: Camera, distance: Distances, other: Camera, image: Image, other_distance: Distances
) -> tuple[Image, Tensor]:
    """The image of another camera as this one sees it [3, H, W], and where it is visible [H, W]."""
    origins, directions = camera.rays()
    points = origins + distance[..., None] * directions
    pixels, depth = other.project(points)
    size = pixels.new_tensor([other.width, other.height])
    grid = (2 * pixels / size - 1)[None]
    stacked = torch.cat((image, other_distance[None]))[None]
    found = F.grid_sample(stacked, grid, align_corners=False)[0]
    away = (points - other.centre).norm(dim=-1)
    inside = (grid[0].abs() < 1).all(dim=-1) & (depth > 0)
    return found[:3], inside & ((found[3] - away).abs() < OCCLUDED * away)


def _nearest(cameras: Sequence[Camera]) -> list[int]:
    """The number of the nearest other camera, of each."""
    places = torch.stack([camera.centre for camera in cameras])
    apart = torch.cdist(places, places).fill_diagonal_(math.inf)
    return [int(number) for number in apart.argmin(dim=1)]
