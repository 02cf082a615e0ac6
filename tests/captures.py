"""Captures for tests: the recorded ones, and small ones that a test writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GOLDEN = Path(__file__).parent / "golden_captures"
WIDTH, HEIGHT, FOCAL = 24, 16, 20.0
Array = NDArray[np.float64]


def ring(count: int = 6, height: float = 1.0, radius: float = 3.0) -> list[Array]:
    """Cameras on a circle around z, looking at the origin: camera to world, OpenGL axes."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return [look_at(np.array([radius * np.cos(a), radius * np.sin(a), height])) for a in angles]


def look_at(centre: Array, target: Array | None = None) -> Array:
    back = centre - (np.zeros(3) if target is None else target)
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, centre], axis=1)
    return pose


def write_photo(file: Path, size: tuple[int, int] = (WIDTH, HEIGHT), seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


def write_transforms(folder: Path, poses: list[Array], **settings: Any) -> Path:
    """A capture of nerfstudio's layout; `settings` are further keys of the file."""
    frames = []
    for number, pose in enumerate(poses):
        write_photo(folder / "images" / f"{number:02}.png", seed=number)
        frames.append({"file_path": f"images/{number:02}.png", "transform_matrix": pose.tolist()})
    content = {"fl_x": FOCAL, "w": WIDTH, "h": HEIGHT, **settings, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder
