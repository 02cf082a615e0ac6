"""A mask is placed over its photo as drawn, for every EXIF orientation, or is refused."""

from pathlib import Path

import numpy as np
import pytest
from image_fixtures import save
from PIL import Image, ImageOps

from ids.core.errors import DataError
from ids.data import Folder
from ids.data.image_files import ImageFile, MaskFile

ORIENTATIONS = (2, 3, 4, 5, 6, 7, 8)


def photo_and_mask(
    tmp_path: Path, orientation: int, size: tuple[int, int] = (120, 60)
) -> tuple[Path, np.ndarray]:
    """A photo whose red object lies in the top left of its stored pixels, and that object."""
    pixels = np.full((size[1], size[0], 3), 200, dtype=np.uint8)
    object_ = np.zeros(pixels.shape[:2], dtype=bool)
    object_[10:30, 10:40] = True
    pixels[object_] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(tmp_path, Image.fromarray(pixels), "photo.png", exif=exif), object_


def covers(photo: Path, mask: Path, fit: str = "aspect") -> bool:
    source = ImageFile(photo, 64, fit, 4)
    image = source.load()
    found = (image[0] - image[1]) > 0.5
    drawn = MaskFile(ImageFile(mask, 64, fit, 4), source).load()[0] > 0.5
    return bool((found & drawn).sum() > 0.95 * (found | drawn).sum())


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "aspect"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_mask_follows_the_orientation_of_its_photo(
    tmp_path: Path, orientation: int, fit: str
) -> None:
    photo, drawn = photo_and_mask(tmp_path, orientation)
    mask = Image.fromarray(drawn)
    if orientation >= 5:  # drawn over the stored pixels, recognizable by the shape
        assert covers(photo, save(tmp_path, mask), fit)
        assert covers(photo, save(tmp_path, mask.resize((60, 30))), fit)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert covers(photo, save(tmp_path, mask, exif=exif), fit)
    if orientation >= 5:  # drawn over the upright photo
        upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "x.png")))
        assert covers(photo, save(tmp_path, Image.fromarray(upright), "n.png"), fit)


@pytest.mark.parametrize(
    ("orientation", "size"), [(3, (120, 60)), (2, (120, 60)), (4, (80, 80)), (6, (80, 80))]
)
def test_a_mask_that_fits_both_ways_is_refused(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    photo, drawn = photo_and_mask(tmp_path, orientation, size)
    mask = save(tmp_path, Image.fromarray(drawn))
    with pytest.raises(DataError, match=f"EXIF orientation {orientation}, and the mask fits befor"):
        covers(photo, mask)
    photo, drawn = photo_and_mask(tmp_path, 1, size)
    assert covers(photo, mask)


@pytest.mark.parametrize("size", [(60, 60), (120, 90), (119, 70)])
def test_a_mask_of_another_shape_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    photo, _ = photo_and_mask(tmp_path, 1)
    mask = save(tmp_path, Image.new("L", size, 255))
    with pytest.raises(DataError, match=rf"shape of its photo, 120x60; got {size[0]}x{size[1]}"):
        covers(photo, mask)


@pytest.mark.parametrize("scale", [0.25, 0.31, 3])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "aspect"])
def test_a_mask_of_another_resolution_is_scaled(tmp_path: Path, scale: float, fit: str) -> None:
    photo, drawn = photo_and_mask(tmp_path, 1)
    size = (round(120 * scale), round(60 * scale))
    soft = Image.fromarray(drawn).convert("L").resize(size, Image.Resampling.BILINEAR)
    source = ImageFile(photo, 64, fit, 4)
    image = source.load()
    mask = MaskFile(ImageFile(save(tmp_path, soft), 64, fit, 4), source).load()[0] > 0.5
    assert mask.shape == image.shape[1:]
    found = (image[0] - image[1]) > 0.5
    assert (found & mask).sum() > 0.75 * (found | mask).sum()


def test_a_folder_places_masks_over_their_photos(tmp_path: Path) -> None:
    _, drawn = photo_and_mask(tmp_path, 6)
    save(tmp_path, Image.fromarray(drawn), "mask.png")
    save(tmp_path, Image.fromarray(drawn[:, :60]), "half.png")
    rows = "".join(f"photo.png,a,b,{name}\n" for name in ("mask.png", "half.png"))
    (tmp_path / "edits.csv").write_text("image,source,target,mask\n" + rows)
    good, bad = Folder(str(tmp_path), 64)
    assert good.mask is not None
    assert good.digest
    with pytest.raises(DataError, match=r"half\.png over .*photo\.png: .*60x120; got 60x60"):
        _ = bad.digest
