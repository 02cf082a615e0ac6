"""Whatever kind of picture people have."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ids.core.errors import DataError
from ids.data.pictures import MaskFile, PictureFile


def load(path: Path, size: int = 16, fit: str = "stretch") -> np.ndarray:
    picture = PictureFile(path, size, fit).load()
    assert picture.shape == (3, size, size)
    assert 0 <= picture.min() <= picture.max() <= 1
    return picture.permute(1, 2, 0).numpy()


def save(tmp_path: Path, picture: Image.Image, name: str = "x.png", **options: object) -> Path:
    path = tmp_path / name
    picture.save(path, **options)
    return path


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    assert load(save(tmp_path, Image.new("RGBA", (20, 20), (255, 0, 0, 0)))).min() == 1
    palette = Image.new("P", (8, 8), 0)
    assert load(save(tmp_path, palette, transparency=0)).min() == 1


def test_grey_and_sixteen_bits_and_cmyk(tmp_path: Path) -> None:
    assert np.allclose(load(save(tmp_path, Image.new("L", (9, 9), 128))), 128 / 255)
    deep = Image.fromarray(np.full((9, 9), 32896, dtype=np.uint16))
    assert np.allclose(load(save(tmp_path, deep)), 128 / 255)
    cmyk = Image.new("CMYK", (9, 9), (0, 255, 255, 0))
    assert load(save(tmp_path, cmyk, "x.jpg"))[4, 4, 0] > 0.9


def test_a_rotated_photo_stands_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10), "black")
    picture.paste("white", (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate a quarter turn clockwise to show
    upright = load(save(tmp_path, picture, exif=exif))
    assert upright[2, 8].mean() > 0.9
    assert upright[13, 8].mean() < 0.1


def test_stretch_and_crop(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20), "black")
    picture.paste("white", (10, 0, 30, 20))
    path = save(tmp_path, picture)
    assert load(path, 20, "crop").min() > 0.95
    assert load(path, 20).min() < 0.05


def test_the_digest_knows_content_and_size(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (8, 8), "red"))
    digests = {
        PictureFile(path, 16).digest(),
        PictureFile(path, 32).digest(),
        PictureFile(path, 16, "crop").digest(),
    }
    save(tmp_path, Image.new("RGB", (8, 8), "blue"))
    digests.add(PictureFile(path, 16).digest())
    assert len(digests) == 4


def test_masks_are_black_and_white(tmp_path: Path) -> None:
    mask = MaskFile(PictureFile(save(tmp_path, Image.new("L", (8, 8), 200)), 8)).load()
    assert mask.min() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a picture", "its content is none that can be read"), (b"", "can be read")],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        PictureFile(path, 8).load()
    assert "broken.png" in str(raised.value)


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)),
    )
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"x\.png"):
        PictureFile(path, 8).load()


def test_a_pixel_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ids.data.pictures.MAX_PIXELS", 1000)
    with pytest.raises(DataError, match="megapixels"):
        PictureFile(save(tmp_path, Image.new("RGB", (100, 100))), 8).load()
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="megapixels"):
        PictureFile(tmp_path / "x.png", 8).load()


def test_floating_point_pixels_must_be_numbers(tmp_path: Path) -> None:
    good = Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32))
    assert np.allclose(load(save(tmp_path, good, "x.tiff")), 128 / 255)
    bad = Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32))
    with pytest.raises(DataError, match=r"expected floating-point pixels in \[0, 1\]"):
        PictureFile(save(tmp_path, bad, "y.tiff"), 8).load()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        PictureFile(tmp_path / "none.png", 8).digest()
