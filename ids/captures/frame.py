"""From the world of the files to ours: z up, the cameras around the origin, the farthest one at
distance 1. And the bounds of the scene in it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ids.captures.found import Found, View
from ids.core.capture import Similarity

Array = NDArray[np.float64]
LEVEL = 0.01  # how far the mean of the cameras' up counts beside level horizons
PARALLEL = 1e-3  # below this spread, the cameras' axes meet nowhere
ENOUGH = 10  # points in a photo that bound the scene in it
NEAR, FAR = 0.05, 10.0  # in units of our world, where nothing bounds the scene


def world_frame(found: Found) -> Similarity:
    """From the coordinates of the files. The origin is the point that the cameras look at, where
    one is in front of all of them; else the mean of the cameras.
    """
    poses = np.stack([view.c2w for view in found.views])
    rotation = turn_to_z(up_direction(poses) if found.up is None else found.up)
    centres = poses[:, :3, 3]
    origin = _focus(centres, -poses[:, :3, 2])
    farthest = np.linalg.norm(centres - origin, axis=-1).max()
    scale = 1.0 if farthest < 1e-12 else 1.0 / float(farthest)
    return Similarity(
        scale, torch.from_numpy(rotation), torch.from_numpy(-scale * rotation @ origin)
    )


def up_direction(poses: Array) -> Array:
    """The direction that is most nearly across the horizontal axes of all cameras, since photos are
    mostly taken level; of those, the nearest to the mean of the cameras' up.
    """
    right, up = poses[:, :3, 0], poses[:, :3, 1].mean(axis=0)
    up = up / max(float(np.linalg.norm(up)), 1e-12)
    slope = right.T @ right / len(right) + LEVEL * (np.eye(3) - np.outer(up, up))
    level: Array = np.linalg.eigh(slope)[1][:, 0]
    return level if level @ up >= 0 else -level


def turn_to_z(up: Array) -> Array:
    """The smallest rotation that takes this unit direction to z."""
    axis = np.cross(up, [0.0, 0.0, 1.0])
    if up[2] < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn: Array = np.eye(3) + cross + cross @ cross / (1 + up[2])
    return turn


def _focus(centres: Array, directions: Array) -> Array:
    """The point nearest to all optical axes."""
    mean: Array = centres.mean(axis=0)
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    total = across.mean(axis=0)
    if np.linalg.eigvalsh(total)[0] < PARALLEL:
        return mean
    point: Array = np.linalg.solve(total, (across @ centres[:, :, None]).mean(axis=0)[:, 0])
    in_front = ((point - centres) * directions).sum(axis=-1) > 0
    return point if in_front.all() else mean


def bounds_of(view: View, points: Array, to_world: Similarity) -> tuple[float, float]:
    """Near and far along the rays of a view, in our world: from the format's z-depths; else from
    percentiles of the points in the photo, half and one and a half of them; else fixed.
    """
    if view.near_far is not None:
        near, far = view.near_far
        return near * to_world.scale, far * _stretch(view) * to_world.scale
    distances = _distances(view, points)
    if len(distances) < ENOUGH:
        return NEAR, FAR
    near, far = np.percentile(distances, (1, 99))
    return 0.5 * float(near) * to_world.scale, 1.5 * float(far) * to_world.scale


def _distances(view: View, points: Array) -> Array:
    """From the camera to the points in its photo."""
    seen = (points - view.c2w[:3, 3]) @ view.c2w[:3, :3] * [1, -1, -1]
    seen = seen[seen[:, 2] > 1e-9]
    pixels = view.lens.pinhole().project(seen)
    inside = ((pixels >= 0) & (pixels <= [view.lens.width, view.lens.height])).all(axis=-1)
    distances: Array = np.linalg.norm(seen[inside], axis=-1)
    return distances


def _stretch(view: View) -> float:
    """Ray distance over z-depth in the corner that is farthest from the optical axis."""
    lens = view.lens
    right = max(lens.cx, lens.width - lens.cx) / lens.fx
    down = max(lens.cy, lens.height - lens.cy) / lens.fy
    return float(np.sqrt(1 + right * right + down * down))


def poses_in_world(views: Sequence[View], to_world: Similarity) -> Array:
    """Camera-to-world matrices in our world, [V, 4, 4]."""
    rotation, translation = to_world.rotation.numpy(), to_world.translation.numpy()
    poses = np.stack([view.c2w for view in views])
    turned = poses.copy()
    turned[:, :3, :3] = rotation @ poses[:, :3, :3]
    turned[:, :3, 3] = to_world.scale * poses[:, :3, 3] @ rotation.T + translation
    return turned
