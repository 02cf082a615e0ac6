"""Poses of the file formats as camera-to-world matrices with OpenGL axes: x right, y up, the camera
looks along -z. Everything in float64.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ids.core.errors import DataError

Array = NDArray[np.float64]
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenCV's camera axes to OpenGL's, and back
SLACK = 1e-3  # how far a rotation may be from orthonormal


def flipped(c2w: Array) -> Array:
    """A pose in OpenCV's camera axes (x right, y down, z forward) in OpenGL's, and back."""
    return c2w @ FLIP


def rotation_of(quaternion: Sequence[float]) -> Array:
    """The rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def pose_of_colmap(quaternion: Sequence[float], translation: Sequence[float], where: str) -> Array:
    """From COLMAP's world-to-camera pose in OpenCV's axes: x_cam = R(q) x + t. `DataError` for a
    pose that is none.
    """
    numbers = np.array([*quaternion, *translation])
    if not np.isfinite(numbers).all():
        raise DataError(f"{where}: expected a finite pose; got {_shown(numbers)}; remove the photo")
    if abs(np.linalg.norm(quaternion) - 1) > 10 * SLACK:
        raise DataError(
            f"{where}: expected a unit quaternion; got {_shown(numbers[:4])}; remove the photo"
        )
    w2c = np.eye(4)
    w2c[:3, :3], w2c[:3, 3] = rotation_of(quaternion), translation
    return flipped(np.linalg.inv(w2c).astype(np.float64))


def pose_of_llff(matrix: Array, where: str) -> Array:
    """From LLFF's [3, 4], whose camera axes are down, right, back."""
    down, right, back, centre = matrix.T
    return checked_pose(np.stack([right, -down, back, centre], axis=1), where)


def checked_pose(matrix: Any, where: str) -> Array:
    """A camera-to-world matrix, 3x4 or 4x4, as 4x4, its rotation made exactly orthonormal.
    `DataError` for NaN, another shape, a scaled or a mirrored rotation.
    """
    try:
        array = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{where}: expected a pose, 4x4 numbers; got another kind; check it"
        ) from error
    if array.shape not in ((3, 4), (4, 4)):
        shape = "x".join(map(str, array.shape))
        raise DataError(f"{where}: expected a pose of 4x4 numbers; got {shape}; check the file")
    if not np.isfinite(array).all():
        raise DataError(f"{where}: expected a finite pose; got NaN or infinity; remove the photo")
    return _rigid(array, where)


def _rigid(array: Array, where: str) -> Array:
    left, sizes, right = np.linalg.svd(array[:3, :3])
    if abs(sizes - 1).max() > SLACK:
        raise DataError(
            f"{where}: expected a rotation; got one scaled by {_shown(sizes)}; check the file"
        )
    if np.linalg.det(array[:3, :3]) < 0:
        raise DataError(f"{where}: expected a rotation; got a mirrored one; check the file")
    if len(array) == 4 and abs(array[3] - [0, 0, 0, 1]).max() > SLACK:
        raise DataError(
            f"{where}: expected the last row 0, 0, 0, 1; got {_shown(array[3])}; check the file"
        )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = left @ right, array[:3, 3]
    return pose


def _shown(numbers: Array) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
