"""Pictures written and read back, for the tests of pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

from ids.data.pictures import PictureFile


def load(path: Path, size: int = 16, fit: str = "stretch") -> np.ndarray:
    picture = PictureFile(path, size, fit).load()
    assert fit == "aspect" or picture.shape == (3, size, size)
    assert 0 <= picture.min() <= picture.max() <= 1
    return picture.permute(1, 2, 0).numpy()


def save(tmp_path: Path, picture: Image.Image, name: str = "x.png", **options: object) -> Path:
    path = tmp_path / name
    picture.save(path, **options)
    return path
