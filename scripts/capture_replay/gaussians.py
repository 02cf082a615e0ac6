"""Files of Gaussians against their recorded values."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from metric_replay.lines import Line

from capture_replay.geometry import PIXEL, distance, error_line, relative
from capture_replay.opened import Array, Opened
from capture_replay.truth import Recorded
from ids.captures import read_gaussians
from ids.core.gaussians import GaussianCloud

CLOSE = 1e-5  # relative
FLIP = np.array([1, -1, -1])


def gaussians(recorded: Recorded, beside: Opened) -> Iterator[Line]:
    """Every file; `beside`: a format of the same capture in the same world."""
    for file, degree in recorded.entry["files"].items():
        cloud = read_gaussians(recorded.path / file)
        yield from _values(recorded, cloud, f"{recorded.name}/{Path(file).as_posix()}", degree)
        yield from _in_world(recorded, cloud, beside, f"{recorded.name}/{Path(file).as_posix()}")
    yield from _same_world(recorded, beside)


def _values(recorded: Recorded, cloud: GaussianCloud, name: str, degree: int) -> Iterator[Line]:
    harmonics = cloud.harmonics.double().numpy()
    count = (degree + 1) ** 2
    yield error_line(f"{name}/count", abs(len(cloud.means) - recorded.entry["count"]), 0)
    yield error_line(f"{name}/coefficients", abs(harmonics.shape[1] - count), 0)
    exact = {
        "means": (cloud.means.numpy(), recorded.file("means").astype(np.float32)),
        "sh_dc": (harmonics[:, 0], recorded.file("sh_dc")),
        "sh_rest": (harmonics[:, 1:], recorded.file("sh_rest")[:, : count - 1]),
    }
    for key, (found, wanted) in exact.items():
        yield error_line(f"{name}/{key}", float(abs(found - wanted).max(initial=0)), 0)
    close = {
        "scales": cloud.scales,
        "opacities": cloud.opacities,
        "rotations": cloud.rotations,
        "rgb_dc": cloud.colours(),
    }
    for key, values in close.items():
        yield error_line(f"{name}/{key}", _scaled(values.numpy(), recorded.file(key)), CLOSE)
    yield error_line(
        f"{name}/covariances",
        _scaled_rows(cloud.covariances.double().numpy(), recorded.file("covariances")),
        CLOSE,
    )
    normals = cloud.rotations[:, :, 2].double().numpy()
    yield error_line(f"{name}/normals", float(abs(normals - recorded.file("normals")).max()), CLOSE)
    for view, centre in zip(recorded.entry["views"], recorded.file("centres_used"), strict=True):
        key = f"rgb_view{view}_deg{degree}"
        if recorded.truth.has(f"{recorded.name}/{key}"):
            colours = cloud.colours(torch.from_numpy(centre).float()).double().numpy()
            yield error_line(f"{name}/{key}", _scaled(colours, recorded.file(key)), CLOSE)


def _in_world(
    recorded: Recorded, cloud: GaussianCloud, beside: Opened, name: str
) -> Iterator[Line]:
    """Moved into the world of a capture, they project and look as before."""
    moved = cloud.moved(beside.capture.from_file)
    poses = recorded.file("world/c2w_opengl")
    errors, differences = [], []
    for photo, pose in zip(beside.photos, poses, strict=True):
        local = (recorded.file("means") - pose[:3, 3]) @ pose[:3, :3] * FLIP
        camera = photo.camera
        focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
        front = local[:, 2] > 0
        wanted = local[:, :2] / local[:, 2:] * focal + centre
        found = camera.project(moved.means)[0].double().numpy()
        errors.append(distance(found[front], wanted[front]))
        before = cloud.colours(torch.from_numpy(pose[:3, 3]).float())
        differences.append(float((moved.colours(camera.centre) - before).abs().max()))
    yield error_line(f"{name}/moved", max(errors), PIXEL, "px")
    yield error_line(f"{name}/moved_colours", max(differences), CLOSE)


def _same_world(recorded: Recorded, beside: Opened) -> Iterator[Line]:
    poses, name = beside.poses(), recorded.name
    extent = np.ptp(poses[:, :3, 3], axis=0).max()
    errors = {
        "centres": abs(poses[:, :3, 3] - recorded.file("world/centres")).max() / extent,
        "directions": abs(poses[:, :3, 2] + recorded.file("world/view_dirs")).max(),
        "points": relative(recorded.file("world/points"), beside.recorded.file("points")),
    }
    for key, error in errors.items():
        yield error_line(f"{name}/world/{key}", float(error), 1e-6)


def _scaled(found: Array, wanted: Array) -> float:
    """Relative to the largest."""
    return float(abs(found - wanted).max() / abs(wanted).max())


def _scaled_rows(found: Array, wanted: Array) -> float:
    """Relative to the largest entry of each matrix."""
    largest = abs(wanted).max(axis=(1, 2), keepdims=True)
    return float((abs(found - wanted) / largest).max())
