"""PIE-Bench++ from parquet files as the hub has them; a bad row costs itself."""

import io
from pathlib import Path
from typing import Any

import pytest
from parquet_fixtures import cell, encoded, write_parquet
from PIL import Image

from ids.core.errors import DataError
from ids.core.rows import RowSelection
from ids.data import PieBenchPlus

PHOTO = encoded("red", 512, "JPEG")
ROW: dict[str, Any] = {
    "image": cell(PHOTO),
    "id": "000000000002",
    "source_prompt": "a cat sitting on a wooden chair",
    "target_prompt": "a [red] [dog] [standing] on a [metal] chair",
    "edit_action": '{"red": {"position": 1, "edit_type": 6, "action": "+"}}',
    "aspect_mapping": '{"dog": ["red", "standing"]}',
    "blended_words": '["cat,dog"]',
    "mask": "0 262144",
}
FOLDER = "6_change_attribute_color_40"


def write(root: Path, *rows: dict[str, Any], folder: str = FOLDER) -> PieBenchPlus:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    write_parquet(root / folder / "V1-00000-of-00001.parquet", columns)
    return PieBenchPlus(str(root), 512)


def test_a_row_is_a_case(tmp_path: Path) -> None:
    case = write(tmp_path, ROW)[0]
    assert (case.id, case.tags) == ("000000000002", {"6", "colour"})
    assert case.prompt_trg == "a red dog standing on a metal chair"
    assert case.blend_words == ("cat", "dog")
    assert case.metadata["bracketed_target"] == "red, dog, standing, metal"
    assert case.metadata["aspect_mapping"] == '{"dog": ["red", "standing"]}'
    assert case.source.load().shape == (3, 512, 512)
    assert case.mask is not None
    assert case.mask.load().min() == 1


def test_tables_name_it_apart_from_pie_bench(tmp_path: Path) -> None:
    assert "not comparable to pie_bench" in write(tmp_path, ROW).name


def test_categories_are_folders_and_select_rows(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    dataset = write(tmp_path, ROW | {"id": "7"}, ROW | {"id": "8"}, folder="9_change_style_80")
    assert list(RowSelection(tags=("style",)).rows(dataset)) == [1, 2]
    assert [dataset[row].id for row in range(3)] == ["000000000002", "7", "8"]


@pytest.mark.parametrize(
    ("words", "blend"),
    [
        ("", None),
        ("[]", None),
        ('["cat, dog"]', ("cat", "dog")),
        ('["cat,dog", "chair,chair"]', None),
        ('["black cat,dog"]', None),
        ("cat,dog", None),
        ("[3]", None),
    ],
)
def test_blended_words(tmp_path: Path, words: str, blend: tuple[str, str] | None) -> None:
    assert write(tmp_path, ROW | {"blended_words": words})[0].blend_words == blend


def grey() -> bytes:
    content = io.BytesIO()
    Image.new("L", (512, 512)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"mask": "1 2 3"}, "mask: expected a list of whole numbers .* an odd number of them, 3"),
        ({"mask": "-1 2"}, "got '-1'"),
        ({"mask": "1,2"}, "got '1,2'"),
        ({"mask": None}, "mask: expected text; got none"),
        ({"target_prompt": "[]"}, "target_prompt: expected a prompt"),
        ({"source_prompt": None}, "source_prompt: expected text; got none"),
        ({"id": "../up"}, "expected a case id"),
        ({"image": cell(None)}, "expected the bytes of an image file"),
        ({"image": cell(b"no image")}, "cannot be read as one"),
        ({"image": cell(encoded("red", 8))}, "512x512 .*got 8x8 pixels"),
        ({"image": cell(grey())}, "mode L"),
    ],
)
def test_a_malformed_row_costs_itself(tmp_path: Path, change: dict[str, Any], answer: str) -> None:
    dataset = write(tmp_path, ROW | {"id": "bad"} | change, ROW)
    with pytest.raises(DataError, match=answer) as raised:
        _ = dataset[0].digest
    assert "V1-00000-of-00001.parquet row 0" in str(raised.value)
    assert dataset[1].digest


def test_an_id_that_occurs_twice_costs_the_later_row(tmp_path: Path) -> None:
    dataset = write(tmp_path, ROW, ROW)
    assert dataset[0].digest
    with pytest.raises(DataError, match="row 1 '000000000002': expected every case id once"):
        dataset[1]


def test_a_damaged_file_is_one_bad_row(tmp_path: Path) -> None:
    (tmp_path / "0_random_140").mkdir()
    (tmp_path / "0_random_140/V1-00000-of-00001.parquet").write_bytes(b"PAR1 cut short")
    dataset = write(tmp_path, ROW)
    assert (len(dataset), dataset[1].id) == (2, "000000000002")
    with pytest.raises(DataError, match="expected a parquet file"):
        dataset[0]


def test_a_snapshot_in_the_cache_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    dataset = PieBenchPlus("UB-CVML-Group/PIE_Bench_pp", 64)
    assert not dataset.files()[0].found
    assert not dataset.files()[0].url  # weights are fetched from addresses, data sets are not
    place = tmp_path / "datasets--UB-CVML-Group--PIE_Bench_pp"
    write(place / "snapshots/abc", ROW)
    (place / "refs").mkdir()
    (place / "refs/main").write_text("abc")
    assert dataset.place == str(place / "snapshots/abc")
    assert dataset.files()[0].found
    assert dataset[0].tags == {"6", "colour"}


@pytest.mark.parametrize("path", ["", "nowhere", "a\0b", "."])
def test_a_folder_without_parquet_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = PieBenchPlus(path, 64)
    with pytest.raises(DataError, match=r"dataset\.path"):
        len(dataset)
    assert not dataset.files()[0].found
    assert not dataset.files()[0].url  # weights are fetched from addresses, data sets are not


def test_a_file_without_the_columns_is_named(tmp_path: Path) -> None:
    lacking = {name: value for name, value in ROW.items() if name != "mask"}
    with pytest.raises(DataError, match="missing: mask"):
        len(write(tmp_path, lacking))
