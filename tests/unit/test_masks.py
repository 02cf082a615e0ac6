"""Masks in every encoding that tools write are read as drawn; ambiguous ones are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_fixtures import save
from PIL import Image

from ids.core.errors import DataError
from ids.data.image_files import ImageFile, MaskFile

MARKED = np.zeros((20, 30), dtype=bool)
MARKED[4:12, 5:20] = True


def marked(path: Path) -> np.ndarray:
    """The marked pixels of a file of 20 x 30."""
    mask = MaskFile(ImageFile(path, 10, "aspect", 1)).load()
    assert mask.shape[0] == 3
    assert ((mask == 0) | (mask == 1)).all()
    return mask[0].numpy() > 0.5


def reads_as_drawn(path: Path) -> bool:
    expected = MaskFile(
        ImageFile(save(path.parent, Image.fromarray(MARKED), "expected.png"), 10, "aspect", 1)
    ).load()
    return bool((marked(path) == (expected[0].numpy() > 0.5)).all())


def greys(black: float, white: float, kind: type = np.uint8) -> Image.Image:
    return Image.fromarray(np.where(MARKED, white, black).astype(kind))


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(MARKED.astype(np.uint8), mode="P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def alpha(image: Image.Image, opaque: int = 255, clear: int = 0) -> Image.Image:
    image.putalpha(greys(clear, opaque))
    return image


def colours(black: tuple[int, ...], white: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.where(MARKED[..., None], white, black).astype(np.uint8))


def strokes() -> Image.Image:
    """White on transparent black, with soft edges, as paint programs write."""
    image = colours((0, 0, 0), (255, 255, 255)).convert("RGBA")
    soft = np.where(MARKED, 255, 0).astype(np.uint8)
    soft[3, 5:20] = 60
    image.putalpha(Image.fromarray(soft))
    return image


READ = {
    "0/255": (greys(0, 255), "m.png"),
    "0/1": (greys(0, 1), "m.png"),
    "0/1 of 16 bits": (greys(0, 1, np.uint16), "m.png"),
    "0/255 of 16 bits": (greys(0, 255, np.uint16), "m.png"),
    "0/65535": (greys(0, 65535, np.uint16), "m.png"),
    "0/1 of 32 bits": (greys(0, 1, np.int32), "m.tiff"),
    "0/255 of 32 bits": (greys(0, 255, np.int32), "m.tiff"),
    "0.0/1.0": (greys(0, 1, np.float32), "m.tiff"),
    "0.0/255.0": (greys(0, 255, np.float32), "m.tiff"),
    "0.2/0.9": (greys(0.2, 0.9, np.float32), "m.tiff"),
    "a label": (greys(0, 7), "m.png"),
    "greys": (greys(40, 200), "m.png"),
    "1 bit": (Image.fromarray(MARKED), "m.png"),
    "GIF": (greys(0, 255), "m.gif"),
    "JPEG": (greys(0, 255), "m.jpg"),
    "JPEG in colour": (greys(0, 255).convert("RGB"), "m.jpg"),
    "WebP": (greys(0, 255).convert("RGB"), "m.webp"),
    "PBM": (Image.fromarray(MARKED), "m.pbm"),
    "palette": (palette((0, 0, 0), (255, 255, 255)), "m.png"),
    "palette of VOC": (palette((0, 0, 0), (128, 0, 0)), "m.png"),
    "dark palette": (palette((0, 0, 0), (64, 0, 0)), "m.png"),
    "palette of viridis": (palette((68, 1, 84), (253, 231, 36)), "m.png"),
    "palette 0/1": (palette((0, 0, 0), (1, 1, 1)), "m.png"),
    "red on black": (colours((0, 0, 0), (255, 0, 0)), "m.png"),
    "CMYK": (greys(0, 255).convert("RGB").convert("CMYK"), "m.tiff"),
    "white, in alpha": (alpha(Image.new("RGB", (30, 20), "white")), "m.png"),
    "black, in alpha": (alpha(Image.new("RGB", (30, 20))), "m.png"),
    "red, half in alpha": (alpha(Image.new("RGB", (30, 20), "red"), 120), "m.png"),
    "grey and alpha": (alpha(Image.new("L", (30, 20), 128)), "m.png"),
    "opaque": (colours((0, 0, 0, 255), (255, 255, 255, 255)), "m.png"),
    "half opaque": (colours((0, 0, 0, 100), (255, 255, 255, 100)), "m.png"),
    "colour and alpha agree": (colours((0, 0, 0, 0), (255, 255, 255, 255)), "m.png"),
    "soft strokes": (strokes(), "m.png"),
}


@pytest.mark.parametrize("kind", READ)
def test_every_encoding_is_read_as_drawn(tmp_path: Path, kind: str) -> None:
    image, name = READ[kind]
    assert reads_as_drawn(save(tmp_path, image, name))


def three(*values: int) -> Image.Image:
    pixels = np.zeros((20, 30), dtype=np.uint8)
    for index, value in enumerate(values):
        pixels[:, 10 * index : 10 * (index + 1)] = value
    return Image.fromarray(pixels)


def three_colours() -> Image.Image:
    image = three(0, 1, 2)
    image.putpalette([0, 0, 0, 128, 0, 0, 224, 224, 192])
    return image


def noise() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


REFUSED = {
    "map of labels": (three(0, 1, 2), "got 0 to 2 of 255, like a map of labels"),
    "dark greys": (greys(30, 60), "got 30 to 60"),
    "bright greys": (greys(150, 255), "got 150 to 255"),
    "one dark grey": (Image.new("L", (30, 20), 90), "got 90 to 90"),
    "map of colours": (three_colours(), "got several colours"),
    "red and green": (palette((255, 0, 0), (0, 255, 0)), "two colours of similar brightness"),
    "a palette of one colour": (palette((9, 9, 9), (9, 9, 9)), "all its entries have one colour"),
    "a photo": (noise(), "got several colours"),
    "black strokes": (colours((255, 255, 255, 0), (0, 0, 0, 255)), "both vary and disagree"),
    "photo with a hole": (colours((200, 30, 90, 255), (0, 0, 0, 0)), "both vary and disagree"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_ambiguous_masks_are_refused(tmp_path: Path, kind: str) -> None:
    image, words = REFUSED[kind]
    with pytest.raises(DataError, match=words) as raised:
        marked(save(tmp_path, image))
    assert "mask " in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("low", "high", "words"), [(-1, 1, "got -1 to 1"), (0.5, np.nan, "nan"), (3, 1e6, "1e\\+06")]
)
def test_values_of_no_known_range_are_refused(
    tmp_path: Path, low: float, high: float, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        marked(save(tmp_path, greys(low, high, np.float32), "m.tiff"))


def test_soft_edges_are_cut_at_one_half(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    for kind, scale in ((np.uint8, 1), (np.uint16, 257)):
        path = save(tmp_path, Image.fromarray((ramp.astype(kind) * scale).astype(kind)))
        mask = MaskFile(ImageFile(path, 256)).load()[0]
        assert (mask == torch.from_numpy(ramp >= 128)).all()


def test_equal_masks_have_equal_digests(tmp_path: Path) -> None:
    paths = [
        save(tmp_path, greys(0, 255), "a.png"),
        save(tmp_path, greys(0, 1), "b.png"),
        save(tmp_path, palette((0, 0, 0), (128, 0, 0)), "c.png"),
        save(tmp_path, Image.fromarray(MARKED), "d.bmp"),
    ]
    assert len({MaskFile(ImageFile(path, 64)).digest() for path in paths}) == 1
    other = save(tmp_path, Image.fromarray(~MARKED), "e.png")
    assert MaskFile(ImageFile(other, 64)).digest() != MaskFile(ImageFile(paths[0], 64)).digest()


@pytest.mark.parametrize(
    ("level", "words"), [(0, "marks nothing"), (255, "marks everything"), (1, "marks everything")]
)
def test_empty_and_full_masks_are_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, level: int, words: str
) -> None:
    image = ImageFile(save(tmp_path, Image.new("L", (30, 20), level)), 16, "pad")
    mask = MaskFile(image, where="case cat-1")
    mask.digest()
    mask.load()
    (message,) = caplog.messages
    assert words in message
    assert message.startswith("case cat-1: mask ")
