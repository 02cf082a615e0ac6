"""Images and masks in memory: the same pixels, digests and refusals as those of files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_fixtures import save
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase, LazyImage
from ids.data import image_of, mask_of
from ids.data.canvas import FITS
from ids.data.image_files import ImageFile
from ids.images import to_pil

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
MARKED = np.zeros((20, 30), dtype=bool)
MARKED[4:12, 5:20] = True
FORMS = {
    "PIL": Image.fromarray(PIXELS),
    "uint8": PIXELS,
    "floats": PIXELS / 255,
    "float32": (PIXELS / 255).astype(np.float32),
    "tensor": torch.from_numpy(PIXELS).permute(2, 0, 1),
    "float tensor": torch.from_numpy(PIXELS).permute(2, 0, 1) / 255,
    "opaque": np.concatenate([PIXELS, np.full((20, 30, 1), 255, np.uint8)], axis=2),
}


def equal(a: LazyImage, b: LazyImage) -> bool:
    assert torch.equal(a.load(), b.load()) == (a.digest() == b.digest())
    return a.digest() == b.digest()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("form", FORMS)
def test_equal_pixels_have_equal_digests(tmp_path: Path, form: str, fit: str) -> None:
    file = save(tmp_path, Image.fromarray(PIXELS))
    from_file, in_memory = image_of(file, 16, fit), image_of(FORMS[form], 16, fit)
    assert equal(from_file, in_memory)
    assert from_file.load().stride() == in_memory.load().stride()
    assert in_memory.photo_size() == from_file.photo_size() == (30, 20)
    edited = torch.rand(from_file.load().shape)
    assert in_memory.restore(edited).tobytes() == from_file.restore(edited).tobytes()


def test_other_pixels_have_another_digest() -> None:
    other = PIXELS.copy()
    other[0, 0, 0] ^= 1
    assert not equal(image_of(PIXELS, 30, "pad"), image_of(other, 30, "pad"))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16", "F"])
def test_every_mode_is_read_as_from_a_file(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(PIXELS)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(PIXELS[..., 0]))
        image = image.convert(mode)
    elif mode in ("I;16", "F"):
        deep = PIXELS[..., 0].astype(np.uint16 if mode == "I;16" else np.float32)
        image = Image.fromarray(deep * (257 if mode == "I;16" else 1 / 255))
    else:
        image = image.convert(mode)
    file = save(tmp_path, image, "x.tiff")
    assert equal(image_of(str(file), 16), image_of(image, 16))


def test_exif_orientation_is_applied_in_memory_as_in_a_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = save(tmp_path, Image.fromarray(PIXELS), exif=exif)
    with Image.open(file) as opened:
        turned = image_of(opened, 16, "aspect")
    assert equal(turned, image_of(file, 16, "aspect"))
    assert turned.photo_size() == (20, 30)
    assert equal(mask_of(MARKED, turned), mask_of(MARKED, image_of(file, 16, "aspect")))


def test_grey_and_bool_arrays() -> None:
    grey = image_of(PIXELS[..., 0], 16)
    assert equal(grey, image_of(PIXELS[..., :1], 16))
    assert equal(grey, image_of(torch.from_numpy(PIXELS[..., 0]), 16))
    assert equal(image_of(MARKED, 16), image_of(MARKED * np.uint8(255), 16))


def test_an_image_is_itself_after_a_round_trip() -> None:
    first = image_of(PIXELS, 16, "pad")
    assert equal(first, image_of(to_pil(first.load()), 16))
    assert equal(first, image_of(first.load().bfloat16(), 16))


MASKS = {
    "bool": MARKED,
    "uint8": MARKED * np.uint8(255),
    "0/1": MARKED.astype(np.uint8),
    "floats": MARKED.astype(np.float32),
    "PIL": Image.fromarray(MARKED),
    "tensor": torch.from_numpy(MARKED),
    "channel": torch.from_numpy(MARKED)[None].float(),
}


@pytest.mark.parametrize("fit", FITS)
def test_masks_in_memory_and_in_files_are_one(tmp_path: Path, fit: str) -> None:
    file, drawn = save(tmp_path, Image.fromarray(PIXELS)), tmp_path / "mask.png"
    Image.fromarray(MARKED).save(drawn)
    photos = [image_of(file, 16, fit), image_of(PIXELS, 16, fit)]
    expected = mask_of(drawn, photos[0])
    for photo in photos:
        for mask in (*MASKS.values(), str(drawn)):
            assert equal(mask_of(mask, photo), expected)
    cases = [EditCase("a", photo, "a", "b", mask_of(MARKED, photo)) for photo in photos]
    assert cases[0].digest == cases[1].digest


REFUSED = {
    "list": ([[0, 1]], "expected a path, a PIL image, .*; got list"),
    "batch": (torch.zeros(1, 3, 8, 8), r"one image; got shape \[1, 3, 8, 8\]"),
    "channels last": (torch.zeros(8, 8, 3), r"channels first, one image; got shape \[8, 8, 3\]"),
    "channels first": (np.zeros((3, 8, 8), np.uint8), r"channels last, .*; got shape \[3, 8, 8\]"),
    "floats of 255": (np.full((8, 8, 3), 255.0), r"in \[0, 1\]; got float64 from 255 to 255"),
    "negative": (torch.full((3, 8, 8), -0.1), r"in \[0, 1\]; got float32 from -0.1"),
    "NaN": (np.full((8, 8), np.nan), r"in \[0, 1\]; got float64 from nan"),
    "int64": (torch.zeros(3, 8, 8, dtype=torch.int64), "expected uint8, .*; got int64"),
    "complex": (np.zeros((8, 8), complex), "expected uint8, .*; got complex128"),
    "no pixels": (np.zeros((0, 8, 3), np.uint8), r"expected an image with pixels; got shape"),
    "Lab": (Image.new("LAB", (8, 8)), "got Lab"),
    "no file": ("none.png", "expected an image file; none found"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_image_is_refused_in_one_line(kind: str) -> None:
    image, words = REFUSED[kind]
    for read in (lambda: image_of(image, 16), lambda: mask_of(image, image_of(PIXELS, 16))):
        with pytest.raises(DataError, match=words) as raised:
            read()
        assert str(raised.value).isprintable()
    with pytest.raises(ValueError, match=r"dataset\.size"):
        image_of(PIXELS, 0)


def test_a_mask_of_another_shape_and_an_ambiguous_one() -> None:
    photo = image_of(PIXELS, 16)
    with pytest.raises(DataError, match="mask over image: expected the shape of its photo, 30x20"):
        mask_of(MARKED[:, :20], photo)
    with pytest.raises(DataError, match="got several colours"):
        mask_of(PIXELS, photo)


def test_a_file_that_is_cut_short_is_refused_when_pillow_reads_it(tmp_path: Path) -> None:
    file = save(tmp_path, Image.fromarray(PIXELS))
    file.write_bytes(file.read_bytes()[:-900])
    with Image.open(file) as opened, pytest.raises(DataError, match="expected a readable image"):
        image_of(opened, 16)


def test_empty_masks_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    mask_of(np.zeros((20, 30), bool), image_of(PIXELS, 16)).load()
    assert caplog.messages == ["mask marks nothing; the whole image counts as background"]


def test_the_former_module_still_imports() -> None:
    from ids.data.pictures import PictureFile

    assert PictureFile is ImageFile
