"""Images written to files and read back, for the tests of images."""

from pathlib import Path

import numpy as np
from PIL import Image

from ids.data.image_files import ImageFile


def load(path: Path, size: int = 16, fit: str = "stretch") -> np.ndarray:
    image = ImageFile(path, size, fit).load()
    assert fit == "aspect" or image.shape == (3, size, size)
    assert 0 <= image.min() <= image.max() <= 1
    return image.permute(1, 2, 0).numpy()


def save(tmp_path: Path, image: Image.Image, name: str = "x.png", **options: object) -> Path:
    path = tmp_path / name
    image.save(path, **options)
    return path
