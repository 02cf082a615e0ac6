"""Photos of any shape on the canvas, and edits restored to the shape of the photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_fixtures import load, save
from PIL import Image, ImageOps

from ids.core.errors import DataError
from ids.data.image_files import ImageFile


def test_stretch_and_crop(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (10, 0, 30, 20))
    path = save(tmp_path, image)
    assert load(path, 20, "crop").min() > 0.95
    assert load(path, 20).min() < 0.05


def photo(width: int, height: int) -> Image.Image:
    """Smooth, so that resizing and the inverse lose little."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 250, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "shape"),
    [((120, 80), (24, 40)), ((80, 120), (40, 24)), ((30, 30), (32, 32)), ((300, 40), (8, 88))],
)
def test_aspect_keeps_the_shape(
    tmp_path: Path, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert load(save(tmp_path, photo(*size)), 32, "aspect").shape[:2] == shape


def test_aspect_is_limited(tmp_path: Path) -> None:
    path = save(tmp_path, photo(200, 10))
    with pytest.raises(DataError, match=r"at most 8 times .* got 200x10; use dataset.fit=pad"):
        ImageFile(path, 32, "aspect").load()
    assert ImageFile(path, 32, "pad").load().shape == (3, 32, 32)


def test_pad_contains_the_whole_photo_and_repeats_its_edges(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste("red", (0, 0, 40, 4))
    image.paste("blue", (0, 16, 40, 20))
    pixels = load(save(tmp_path, image), 40, "pad")
    assert pixels[:13].mean((0, 1)).tolist() == [1, 0, 0]
    assert pixels[27:].mean((0, 1)).tolist() == [0, 0, 1]
    assert pixels[16:24].max() == 0


def test_crop_equals_pillow(tmp_path: Path) -> None:
    image = photo(57, 33)
    expected = ImageOps.fit(image, (16, 16), Image.Resampling.LANCZOS)
    assert (load(save(tmp_path, image), 16, "crop") * 255).round().astype(int).tolist() == (
        np.asarray(expected).tolist()
    )


@pytest.mark.parametrize("fit", ["stretch", "pad", "aspect", "crop"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_edit_is_restored_to_the_shape_of_its_photo(
    tmp_path: Path, fit: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = ImageFile(save(tmp_path, photo(90, 60), exif=exif), 64, fit)
    upright = ImageOps.exif_transpose(Image.open(image.path))
    assert image.photo_size() == upright.size
    back = image.restore(image.load())
    if fit == "crop":
        assert back.size == (64, 64)
        return
    assert back.size == upright.size
    assert np.abs(np.asarray(back).astype(int) - np.asarray(upright).astype(int)).mean() < 4
    with pytest.raises(ValueError, match="expected a canvas"):
        image.restore(torch.zeros(3, 8, 8))
