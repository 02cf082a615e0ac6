"""The images of a table: found by any name, never outside the folder; a faulty one fails its row
only.
"""

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import Folder

HEAD = "image,source,target\n"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    Image.new("RGB", (20, 20), "white").save(tmp_path / "a.png")
    return tmp_path


def cases(folder: Path, table: str) -> list[EditCase]:
    (folder / "edits.csv").write_text(table, encoding="utf-8")
    dataset = Folder(str(folder), 16)
    return [dataset[index] for index in range(len(dataset))]


def refusal(folder: Path, table: str) -> str:
    with pytest.raises(DataError) as raised:
        cases(folder, table)
    return str(raised.value)


NAMES = (
    "a b.png",
    "ärger.png",
    "日本.png",
    "$HOME.png",
    "-x.png",
    "100%.png",
    "a..b.png",
    "ß'.png",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_files(photos: Path, name: str, form: str) -> None:
    """Also if the file system composes accents differently from the table."""
    Image.new("RGB", (8, 8), "red").save(photos / unicodedata.normalize(form, name))
    for typed in (name, unicodedata.normalize("NFD", name)):
        (case,) = cases(photos, f"{HEAD}{typed},a,b\n")
        assert case.source.load()[1].max() == 0
        assert case.id.isascii()
        assert case.id.endswith("-1")


def test_a_link_that_leads_out_is_refused(photos: Path) -> None:
    outside = photos.parent / f"{photos.name}.png"
    Image.new("RGB", (8, 8)).save(outside)
    (photos / "link.png").symlink_to(outside)
    (photos / "loop.png").symlink_to(photos / "loop.png")
    assert "leads out of it" in refusal(photos, HEAD + "link.png,a,b\n")
    assert "line 2: column image" in refusal(photos, HEAD + "loop.png,a,b\n")


def test_a_folder_with_a_dot_keeps_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "photos.v2"
    folder.mkdir()
    (folder / "edits.csv").write_text(HEAD)
    assert Folder(str(folder), 16).name == "folder:photos.v2"
    assert Folder(str(folder / "edits.csv"), 16).name == "folder:photos.v2"


def test_an_unreadable_image_or_mask_fails_its_row_only(photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"not an image")
    table = "image,source,target,mask\na.png,a,b,\nbroken.png,a,b,\na.png,a,b,broken.png\n"
    good, *bad = cases(photos, table)
    assert good.digest
    for case in bad:
        with pytest.raises(DataError, match="broken"):
            _ = case.digest


def test_an_image_of_several_rows_is_read_once(photos: Path) -> None:
    first, second = cases(photos, HEAD + "a.png,a,b\na.png,a,c\n")
    assert first.source is second.source
    assert first.digest != second.digest
