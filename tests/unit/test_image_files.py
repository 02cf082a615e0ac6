"""Image files of all kinds: pixels, digests, and errors of one line."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_fixtures import load, save
from PIL import Image

from ids.core.errors import DataError
from ids.data.image_files import ImageFile, MaskFile


def test_a_rotated_photo_is_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), "black")
    image.paste("white", (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # displayed rotated by 90 degrees clockwise
    upright = load(save(tmp_path, image, exif=exif))
    assert upright[2, 8].mean() > 0.9
    assert upright[13, 8].mean() < 0.1


def test_the_digest_is_of_the_pixels(tmp_path: Path) -> None:
    image = Image.effect_mandelbrot((30, 20), (-3, -2.5, 2, 2.5), 9).convert("RGB")
    path = save(tmp_path, image)
    digests = {
        ImageFile(path, 16).digest(),
        ImageFile(path, 32).digest(),
        ImageFile(path, 16, "crop").digest(),
    }
    again = [
        save(tmp_path, image, "y.png", compress_level=1, dpi=(300, 300)),
        save(tmp_path, image, "y.bmp"),
        save(tmp_path, image, "y.tiff"),
    ]
    assert all(ImageFile(other, 16).digest() in digests for other in again)
    save(tmp_path, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    digests.add(ImageFile(path, 16).digest())
    assert len(digests) == 4


def test_shapes_of_equal_bytes_are_different_images(tmp_path: Path) -> None:
    wide = save(tmp_path, Image.new("RGB", (32, 8)), "wide.png")
    tall = save(tmp_path, Image.new("RGB", (8, 32)), "tall.png")
    assert ImageFile(wide, 16, "aspect").digest() != ImageFile(tall, 16, "aspect").digest()


def test_a_file_that_changes_while_in_use_is_noticed(tmp_path: Path) -> None:
    image = ImageFile(save(tmp_path, Image.new("RGB", (8, 8), "red")), 8)
    image.digest()
    image.load()
    save(tmp_path, Image.new("RGB", (8, 8), "blue"))
    with pytest.raises(DataError, match="has changed since"):
        image.load()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not an image", "its content cannot be read as one"), (b"", "cannot be read")],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        ImageFile(path, 8).load()
    assert "broken.png" in str(raised.value)


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)),
    )
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"x\.png"):
        ImageFile(path, 8).load()


def test_a_pixel_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ids.data.decode.MAX_PIXELS", 1000)
    with pytest.raises(DataError, match="megapixels"):
        ImageFile(save(tmp_path, Image.new("RGB", (100, 100))), 8).load()
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="megapixels"):
        ImageFile(tmp_path / "x.png", 8).load()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        ImageFile(tmp_path / "none.png", 8).digest()


def test_the_first_of_several_frames_is_used_with_a_warning(
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
            ImageFile(tmp_path / name, 8).load()


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.tiff", "x.gif", "x.bmp", "x.ppm"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    content = save(tmp_path, Image.fromarray(noise), name).read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DataError, match=name) as raised:
            ImageFile(tmp_path / name, 8).load()
        assert str(raised.value).isprintable()


def test_a_name_of_two_lines_is_printed_on_one(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        ImageFile(tmp_path / "two\nlines\x1b[31m.png", 8).digest()
    assert str(raised.value).isprintable()


def formats() -> dict[str, bytes]:
    image, files = Image.effect_noise((24, 20), 90).convert("RGB"), {}
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM"):
        file = io.BytesIO()
        image.save(file, kind, exif=exif)
        files[kind] = file.getvalue()
    return files


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, derandomize=True
)
@given(
    kind=st.sampled_from(sorted(formats())),
    places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_a_damaged_file_is_an_image_or_an_error(
    tmp_path: Path, kind: str, places: list[tuple[int, int]]
) -> None:
    content = bytearray(formats()[kind])
    for place, value in places:
        content[place % len(content)] = value
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for read in (ImageFile(path, 8), MaskFile(ImageFile(path, 8))):
        try:
            text = read.digest()
        except DataError as error:
            text = str(error)
        assert text.isprintable()
