"""Colours and depths of images, to 8-bit sRGB."""

import struct
from pathlib import Path

import numpy as np
import pytest
from image_fixtures import load, save
from PIL import Image, ImageCms

from ids.core.errors import DataError
from ids.data.image_files import ImageFile


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


def test_floating_point_pixels_must_be_numbers(tmp_path: Path) -> None:
    good = Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32))
    assert np.allclose(load(save(tmp_path, good, "x.tiff")), 128 / 255)
    bad = Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32))
    with pytest.raises(DataError, match=r"expected floating-point pixels in \[0, 1\]"):
        ImageFile(save(tmp_path, bad, "y.tiff"), 8).load()


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
def test_an_unusable_profile_is_a_warning(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    image = ImageFile(save(tmp_path, Image.new("RGB", (8, 8), "red"), icc_profile=content), 8)
    image.digest()
    assert image.load()[0].min() == 1
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
    ("values", "kind", "words"),
    [
        ((-1, 200), np.int32, "got -1 to 200"),
        ((0, 70000), np.int32, "got 0 to 70000"),
        ((0, 1.5), np.float32, "got 0 to 1.5"),
        ((-0.5, 1), np.float32, "got -0.5 to 1"),
        ((0, np.inf), np.float32, "got 0 to inf"),
    ],
)
def test_deep_pixels_of_no_known_range_are_refused(
    tmp_path: Path, values: tuple[float, float], kind: type, words: str
) -> None:
    path = save(tmp_path, Image.fromarray(np.array([values, values], dtype=kind)), "x.tiff")
    with pytest.raises(DataError, match=words):
        ImageFile(path, 8).load()


WHITE = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)  # D50


def profile_of(space: bytes, pcs: bytes, tag: bytes, content: bytes) -> bytes:
    """An ICC profile of version 2 with one tag beside the white point."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + WHITE, tag: content + b"\0" * (-len(content) % 4)}
    head = bytearray(128)
    head[8:10], head[12:16], head[16:20], head[20:24] = b"\2\x40", b"prtr", space, pcs
    head[36:40], head[68:80] = b"acsp", WHITE
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">2I", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    return struct.pack(">I", 128 + len(table) + len(body)) + bytes(head)[4:] + table + body


LINEAR_GREY = profile_of(b"GRAY", b"XYZ ", b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, 256))
UNIT = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
CORNERS = b"".join(bytes([128 if ink in (0, 8) else 0, 128, 128]) for ink in range(16))
SOOT = profile_of(  # cyan alone prints grey, every other ink black
    b"CMYK",
    b"Lab ",
    b"A2B0",
    b"mft1\0\0\0\0\4\3\2\0" + UNIT + bytes(range(256)) * 4 + CORNERS + bytes(range(256)) * 3,
)


def test_profiles_of_grey_and_ink(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((8, 8), 32896, dtype=np.uint16))
    for image in (Image.new("L", (8, 8), 128), Image.new("LA", (8, 8), (128, 255)), deep):
        linear = load(save(tmp_path, image, icc_profile=LINEAR_GREY))
        assert np.allclose(linear * 255, 188)  # one half, linear
    for name in ("x.tiff", "x.jpg"):
        cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
        assert np.allclose(load(save(tmp_path, cyan, name, icc_profile=SOOT)) * 255, 119)  # L* 50
        yellow = Image.new("CMYK", (8, 8), (0, 0, 255, 0))
        assert load(save(tmp_path, yellow, name, icc_profile=SOOT)).max() < 0.05


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "P"])
def test_a_profile_of_another_kind_is_ignored(
    tmp_path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    image = Image.new("RGB", (8, 8), "red").convert(mode)
    assert load(save(tmp_path, image, "x.tiff", icc_profile=LINEAR_GREY)).max() > 0.9
    assert "its colour profile cannot be used" in caplog.text
