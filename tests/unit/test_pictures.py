"""Whatever kind of picture people have."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from ids.core.errors import DataError
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


def test_the_digest_is_of_the_pixels(tmp_path: Path) -> None:
    picture = Image.effect_mandelbrot((30, 20), (-3, -2.5, 2, 2.5), 9).convert("RGB")
    path = save(tmp_path, picture)
    digests = {
        PictureFile(path, 16).digest(),
        PictureFile(path, 32).digest(),
        PictureFile(path, 16, "crop").digest(),
    }
    again = [
        save(tmp_path, picture, "y.png", compress_level=1, dpi=(300, 300)),
        save(tmp_path, picture, "y.bmp"),
        save(tmp_path, picture, "y.tiff"),
    ]
    assert all(PictureFile(other, 16).digest() in digests for other in again)
    save(tmp_path, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    digests.add(PictureFile(path, 16).digest())
    assert len(digests) == 4


def test_shapes_of_equal_bytes_are_different_pictures(tmp_path: Path) -> None:
    wide = save(tmp_path, Image.new("RGB", (32, 8)), "wide.png")
    tall = save(tmp_path, Image.new("RGB", (8, 32)), "tall.png")
    assert PictureFile(wide, 16, "aspect").digest() != PictureFile(tall, 16, "aspect").digest()


def test_a_file_that_changes_while_in_use_is_noticed(tmp_path: Path) -> None:
    picture = PictureFile(save(tmp_path, Image.new("RGB", (8, 8), "red")), 8)
    picture.digest()
    picture.load()
    save(tmp_path, Image.new("RGB", (8, 8), "blue"))
    with pytest.raises(DataError, match="has changed since"):
        picture.load()


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
    monkeypatch.setattr("ids.data.decode.MAX_PIXELS", 1000)
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


def profile(space: str = "sRGB", swap: bool = False) -> bytes:
    """A colour profile; `swap` exchanges red and blue."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes())
    if swap:
        count = struct.unpack(">I", content[128:132])[0]
        at = {bytes(content[i : i + 4]): i for i in range(132, 132 + 12 * count, 12)}
        red, blue = at[b"rXYZ"] + 4, at[b"bXYZ"] + 4
        content[red : red + 8], content[blue : blue + 8] = (
            content[blue : blue + 8],
            content[red : red + 8],
        )
    return bytes(content)


def test_colour_profiles_are_applied(tmp_path: Path) -> None:
    red = Image.new("RGB", (8, 8), "red")
    for mode in ("RGB", "RGBA", "P"):
        path = save(tmp_path, red.convert(mode), icc_profile=profile(swap=True))
        assert load(path)[4, 4].tolist() == [0, 0, 1]
    faint = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    shade = load(save(tmp_path, faint, icc_profile=profile(swap=True)))[4, 4] * 255
    assert shade.round().tolist() == [127, 127, 255]
    grey = load(save(tmp_path, Image.new("L", (8, 8), 77), icc_profile=profile()))
    assert np.allclose(grey, 77 / 255)
    plain = load(save(tmp_path, red, "plain.png"))
    assert (load(save(tmp_path, red, icc_profile=profile())) == plain).all()


@pytest.mark.parametrize("content", [b"nonsense", profile("LAB"), profile()[:200]])
def test_a_profile_that_cannot_be_used_is_said(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    picture = PictureFile(save(tmp_path, Image.new("RGB", (8, 8), "red"), icc_profile=content), 8)
    picture.digest()
    assert picture.load()[0].min() == 1
    (message,) = caplog.messages
    assert "x.png: its colour profile cannot be used" in message


@pytest.mark.parametrize(
    ("values", "kind", "level"),
    [
        ((0, 200), np.int32, 200 / 255),
        ((0, 51400), np.int32, 200 / 255),
        ((0, 51400), np.uint16, 200 / 255),
        ((0, 0.5), np.float32, 128 / 255),
        ((0, 200), np.float32, 200 / 255),
    ],
)
def test_deep_pixels_by_their_range(
    tmp_path: Path, values: tuple[float, float], kind: type, level: float
) -> None:
    pixels = np.full((8, 8), values[1], dtype=kind)
    pixels[:2] = values[0]
    assert np.allclose(load(save(tmp_path, Image.fromarray(pixels), "x.tiff"), 8)[5], level)


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ((-1, 200), np.int32, "got -1 to 200"),
        ((0, 70000), np.int32, "got 0 to 70000"),
        ((0, 1.5), np.float32, "got 0 to 1.5"),
        ((-0.5, 1), np.float32, "got -0.5 to 1"),
        ((0, np.inf), np.float32, "got 0 to inf"),
    ],
)
def test_deep_pixels_of_no_known_range_are_refused(
    tmp_path: Path, values: tuple[float, float], kind: type, told: str
) -> None:
    path = save(tmp_path, Image.fromarray(np.array([values, values], dtype=kind)), "x.tiff")
    with pytest.raises(DataError, match=told):
        PictureFile(path, 8).load()


def test_the_first_of_several_frames_is_used_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("x.gif", "x.tiff", "x.png", "x.webp"):
        caplog.clear()
        path = save(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
        assert load(path)[4, 4, 0] > 0.9
        assert len(caplog.messages) == 1
        assert "the first is used" in caplog.text
    caplog.clear()
    load(save(tmp_path, frames[0], "still.gif"))
    assert not caplog.messages


@pytest.mark.parametrize(
    "content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", b"%PDF-1.4\n", b"<svg/>"]
)
def test_nothing_starts_another_program(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    for name in ("x.eps", "x.png"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="PNG, JPEG"):
            PictureFile(tmp_path / name, 8).load()


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.tiff", "x.gif", "x.bmp", "x.ppm"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    content = save(tmp_path, Image.fromarray(noise), name).read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DataError, match=name) as raised:
            PictureFile(tmp_path / name, 8).load()
        assert str(raised.value).isprintable()


def test_a_name_of_two_lines_is_told_in_one(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        PictureFile(tmp_path / "two\nlines\x1b[31m.png", 8).digest()
    assert str(raised.value).isprintable()


def photo(width: int, height: int) -> Image.Image:
    """Smooth, so that resizing and back loses little."""
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


def test_aspect_has_an_end(tmp_path: Path) -> None:
    path = save(tmp_path, photo(200, 10))
    with pytest.raises(DataError, match=r"at most 8 times .* got 200x10; use dataset.fit=pad"):
        PictureFile(path, 32, "aspect").load()
    assert PictureFile(path, 32, "pad").load().shape == (3, 32, 32)


def test_pad_shows_the_whole_photo_with_its_edges_going_on(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20), "black")
    picture.paste("red", (0, 0, 40, 4))
    picture.paste("blue", (0, 16, 40, 20))
    pixels = load(save(tmp_path, picture), 40, "pad")
    assert pixels[:13].mean((0, 1)).tolist() == [1, 0, 0]
    assert pixels[27:].mean((0, 1)).tolist() == [0, 0, 1]
    assert pixels[16:24].max() == 0


def test_crop_is_what_it_was(tmp_path: Path) -> None:
    picture = photo(57, 33)
    theirs = ImageOps.fit(picture, (16, 16), Image.Resampling.LANCZOS)
    assert (load(save(tmp_path, picture), 16, "crop") * 255).round().astype(int).tolist() == (
        np.asarray(theirs).tolist()
    )


@pytest.mark.parametrize("fit", ["stretch", "pad", "aspect", "crop"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_edit_comes_back_in_the_shape_of_its_photo(
    tmp_path: Path, fit: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = PictureFile(save(tmp_path, photo(90, 60), exif=exif), 64, fit)
    upright = ImageOps.exif_transpose(Image.open(picture.path))
    assert picture.photo_size() == upright.size
    back = picture.restore(picture.load())
    if fit == "crop":
        assert back.size == (64, 64)
        return
    assert back.size == upright.size
    assert np.abs(np.asarray(back).astype(int) - np.asarray(upright).astype(int)).mean() < 4
    with pytest.raises(ValueError, match="expected a canvas"):
        picture.restore(torch.zeros(3, 8, 8))
