"""Cameras, depths, bounds and points against the recorded truth."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from metric_replay.lines import Line, exact_line

from capture_replay.opened import Array, Opened
from ids.captures.depth import read_depth
from ids.captures.found import View
from ids.captures.lens import Lens

PIXEL = 0.05
POSE, DEPTH, SINGLE_DEPTH = 1e-6, 1e-6, 1e-5  # relative
CLOUD, LEVELS = 2e-6, 1.01e-3  # absolute, in units of the file
MARGIN = 0.02  # relative: between the pixels' centres, surfaces are nearer or farther
UP = 20.0  # degrees; a wrong axis is 90 off
MOST = 0.9  # share of photos or points


def error_line(name: str, error: float, most: float, unit: str = "") -> Line:
    """`error` must be a number of at most `most`."""
    status: Literal["ok", "FAIL"] = "ok" if error <= most else "FAIL"
    return Line(name, status, f"{error:.1e} {unit}".rstrip())


def geometry(opened: Opened) -> Iterator[Line]:
    """All quantities of one format of a capture."""
    name, names = opened.recorded.name, sorted(opened.recorded.names)
    found = sorted(photo.name for photo in opened.capture.photos)
    yield exact_line(f"{name}/names", found, names)
    yield from _pixels(opened, name)
    yield from _poses(opened, name)
    yield from _bounds(opened, name)
    yield from _points(opened, name)
    yield from _lenses(opened, name)


def resized_line(opened: Opened) -> Line:
    """The reprojection in photos of another size."""
    wanted = opened.recorded.scene("pixels_pinhole")
    cameras = opened.recorded.content["cameras"]
    for number, (photo, image) in enumerate(
        zip(opened.photos, opened.recorded.content["images"], strict=True)
    ):
        size = cameras[image["camera"]]
        ratio = photo.camera.width / size["width"], photo.camera.height / size["height"]
        wanted[number] *= ratio
    pixels, _, _ = opened.pixels(opened.recorded.file("points"))
    return error_line(f"{opened.recorded.name}/resized", distance(pixels, wanted), PIXEL, "px")


def distance(pixels: Array, wanted: Array) -> float:
    """The largest distance; infinite for NaN."""
    error = np.linalg.norm(pixels - wanted, axis=-1)
    return float(np.nan_to_num(error, nan=np.inf).max())


def _pixels(opened: Opened, name: str) -> Iterator[Line]:
    recorded = opened.recorded
    pixels, depths, rays = opened.pixels(recorded.file("points"))
    yield error_line(
        f"{name}/reprojection", distance(pixels, recorded.scene("pixels_pinhole")), PIXEL, "px"
    )
    views = _views(opened)
    bent = np.stack([projected(view, recorded.file("points")) for view in views])
    yield error_line(f"{name}/distorted", distance(bent, recorded.scene("pixels")), PIXEL, "px")
    sizes = np.array([(view.lens.width, view.lens.height) for view in views])[:, None]
    inside = ((bent >= 0) & (bent <= sizes)).all(axis=-1)
    yield exact_line(f"{name}/in_image", int(inside.sum()), int(recorded.scene("in_image").sum()))
    most = SINGLE_DEPTH if opened.found.format == "blender" else DEPTH
    for key, found in (("z_depth", depths), ("ray_distance", rays)):
        yield error_line(f"{name}/{key}", relative(found, recorded.scene(key)), most)


def _poses(opened: Opened, name: str) -> Iterator[Line]:
    recorded, poses = opened.recorded, opened.poses()
    centres, directions = poses[:, :3, 3], -poses[:, :3, 2]
    extent = np.ptp(recorded.file("centres"), axis=0).max()
    turn = np.array(recorded.entry["scene_to_file"]["rotation"])
    in_scene = recorded.to_scene(centres)
    scene_extent = np.ptp(recorded.scene("centres"), axis=0).max()
    errors = {
        "centres": abs(centres - recorded.file("centres")).max() / extent,
        "centres_scene": abs(in_scene - recorded.scene("centres")).max() / scene_extent,
        "directions": abs(directions - recorded.file("view_dirs")).max(),
        "directions_scene": abs(directions @ turn - recorded.scene("view_dirs")).max(),
        "rotations": abs(poses - recorded.file("c2w_opengl"))[:, :3, :3].max(),
    }
    opencv = poses[:, :3, :3] * [1, -1, -1]
    wanted = recorded.scene("c2w_opencv")[:, :3, :3]
    errors["rotations_scene"] = abs(turn.T @ opencv - wanted).max()
    for key, error in errors.items():
        yield error_line(f"{name}/{key}", float(error), POSE)
    yield _up(opened, f"{name}/up")


def _up(opened: Opened, name: str) -> Line:
    """Between the scene's up direction and z: an estimate, of cameras that look from all sides."""
    recorded = opened.recorded
    up = opened.capture.from_file.rotation.numpy() @ np.array(recorded.entry["up_in_file"])
    angle = float(np.degrees(np.arccos(np.clip(up[2], -1, 1))))
    if recorded.content["layout"] != "orbit":
        return Line(name, "skipped", f"{angle:.1f} degrees: the cameras look one way")
    return error_line(name, angle, UP, "degrees")


def _bounds(opened: Opened, name: str) -> Iterator[Line]:
    """Those that the file has, exactly; and whether the scene lies between near and far: all known
    points that a photo shows, and, in nearly all photos, every surface.
    """
    recorded, bounds = opened.recorded, opened.recorded.scene("image_bounds")
    scale = recorded.entry["scene_to_file"]["scale"]
    near_far = np.array([view.near_far or (np.nan, np.nan) for view in _views(opened)])
    hint = recorded.entry.get("near_far_hint")
    if hint and hint[0] <= bounds[:, 2].min() * scale and bounds[:, 3].max() * scale <= hint[1]:
        yield error_line(f"{name}/near_far", relative(near_far, np.array(hint)), POSE)
    near, far = np.array([(p.camera.near, p.camera.far) for p in opened.photos]).T
    near, far = (part / opened.capture.from_file.scale / scale for part in (near, far))
    inside = (near <= bounds[:, 0]) & (bounds[:, 1] <= far)
    if recorded.truth.has(f"{name}/near_far"):  # percentiles of points: within the surfaces' depths
        yield error_line(f"{name}/near_far", relative(near_far, recorded.file("near_far")), POSE)
        depths = near_far / scale * [1 + MARGIN, 1 - MARGIN]
        inside = (bounds[:, 2] <= depths[:, 0]) & (depths[:, 1] <= bounds[:, 3])
    share = float(inside.mean())
    yield Line(f"{name}/bounded", "ok" if share >= MOST else "FAIL", f"{share:.0%} of photos")
    _, _, rays = opened.pixels(recorded.file("points"))
    seen = recorded.scene("visible") > 0
    kept = ((near[:, None] <= rays) & (rays <= far[:, None]))[seen].mean()
    yield Line(f"{name}/points_bounded", "ok" if kept >= MOST else "FAIL", f"{kept:.0%} of points")


def _points(opened: Opened, name: str) -> Iterator[Line]:
    """The sparse points, in any order: each known point that two photos see is one of them."""
    recorded, found = opened.recorded, opened.found
    if not len(found.points):
        return
    known = recorded.scene("visible").sum(axis=0) >= 2
    yield exact_line(f"{name}/n_points", len(found.points), recorded.content["points_in_model"])
    gaps = abs(recorded.file("points")[known][:, None] - found.points[None]).max(axis=-1)
    yield error_line(f"{name}/points", float(gaps.min(axis=1).max()), CLOUD)
    colours = (found.colours[gaps.argmin(axis=1)] * 255).round()
    wanted = recorded.truth.floats("scene/point_rgb")[known]
    yield error_line(f"{name}/point_colours", float(abs(colours - wanted).max()), 0)
    world = opened.world(found.points).numpy()
    kept = opened.capture.points.double().numpy()
    yield error_line(f"{name}/points_in_world", relative(kept, world), POSE)
    yield from _depth_files(opened, name, known)


def _depth_files(opened: Opened, name: str, known: np.ndarray[Any, Any]) -> Iterator[Line]:
    recorded, views = opened.recorded, _views(opened)
    if not any(view.depth for view in views):
        if recorded.entry.get("depth_files"):
            yield Line(f"{name}/depth_files", "FAIL", "none found")
        return
    unit = recorded.entry["scene_to_file"]["scale"]
    seen = (recorded.scene("visible") > 0) & known
    pixels, depths = recorded.scene("pixels"), recorded.scene("z_depth") * unit
    worst = 0.0
    for number, view in enumerate(views):
        assert view.depth is not None
        x, y = np.floor(pixels[number][seen[number]]).astype(int).T
        found = read_depth(view.depth)[y, x]
        same = (x[:, None] == x) & (y[:, None] == y)  # one of the points in a pixel is kept
        gaps = np.where(same, abs(found[:, None] - depths[number][seen[number]]), np.inf)
        worst = max(worst, float(gaps.min(axis=1, initial=np.inf).max(initial=0)))
    yield error_line(f"{name}/depth_files", worst, LEVELS)


def _lenses(opened: Opened, name: str) -> Iterator[Line]:
    """Ray distance over z-depth at every pixel centre of the first photo."""
    recorded, lens = opened.recorded, _views(opened)[0].lens
    if not recorded.truth.has(f"{recorded.capture}/depth0_ray"):
        return
    ray, depth = recorded.scene("depth0_ray"), recorded.scene("depth0_z")
    y, x = np.nonzero(depth)
    directions = unprojected(lens, np.stack((x + 0.5, y + 0.5), axis=-1))
    ratio = np.linalg.norm(directions, axis=-1)
    most = SINGLE_DEPTH if opened.found.format == "blender" else DEPTH
    yield error_line(f"{name}/rays", relative(ratio, ray[y, x] / depth[y, x]), most)


def unprojected(lens: Lens, pixels: Array) -> Array:
    """Directions with z = 1 in camera axes (OpenCV), by fixed-point iterations."""
    focal = np.array([lens.fx, lens.fy])
    points = np.concatenate(((pixels - [lens.cx, lens.cy]) / focal, np.ones((len(pixels), 1))), 1)
    for _ in range(100):
        points[:, :2] += (pixels - lens.project(points)) / focal
    return points


def projected(view: View, points: Array) -> Array:
    """Pixels in the distorted photo, from the view as its file has it."""
    return view.lens.project((points - view.c2w[:3, 3]) @ view.c2w[:3, :3] * [1, -1, -1])


def relative(found: Array, wanted: Array) -> float:
    """The largest relative error; infinite for NaN."""
    error = abs(found - wanted) / np.maximum(abs(wanted), 1e-3)
    return float(np.nan_to_num(error, nan=np.inf).max())


def _views(opened: Opened) -> list[View]:
    by_name = {view.name: view for view in opened.found.views}
    return [by_name[name] for name in opened.recorded.names]
