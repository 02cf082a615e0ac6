"""Parquet shards: rows by index, one row group and the requested columns in memory, faults."""

from pathlib import Path
from typing import Any

import pytest
from image_fixtures import load
from parquet_fixtures import cell, encoded, write_parquet

from ids.core.errors import DataError
from ids.data.image_files import ImageFile, MaskFile
from ids.data.parquet import ParquetShard, parquet_files, parquet_shard
from ids.data.shards import FaultyShard, Shards, checked_columns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, n_rows in enumerate((3, 0, 4)):
        texts = [f"text {number} {row}" for row in range(n_rows)]
        images = [cell(encoded(("red", "lime", "blue")[row % 3])) for row in range(n_rows)]
        name = f"data/train-0000{number}-of-00003-abc{number}.parquet"
        write_parquet(tmp_path / name, {"text": texts, "image": images})
    (tmp_path / ".hidden").mkdir()
    write_parquet(tmp_path / ".hidden" / "x.parquet", {"text": ["hidden"]})
    return tmp_path


def shards(folder: Path) -> Shards:
    return Shards(tuple(parquet_shard(file) for file in parquet_files(folder)))


def test_rows_by_index_over_files_and_row_groups(folder: Path) -> None:
    table = shards(folder)
    assert [table.cell(row, "text") for row in range(len(table))] == [
        *(f"text 0 {row}" for row in range(3)),
        *(f"text 2 {row}" for row in range(4)),
    ]
    assert table.cell(1, "text") == "text 0 1"
    assert table.row_id(2) == "train-00000-2"
    assert table.row_id(6) == "train-00002-3"
    assert table.place(6).endswith("train-00002-of-00003-abc2.parquet row 3")
    for row in (-1, 7):
        with pytest.raises(IndexError):
            table.cell(row, "text")


def test_ids_stay_if_files_are_missing_and_differ_for_equal_names(folder: Path) -> None:
    next(folder.rglob("train-00000*")).unlink()
    assert shards(folder).row_id(0) == "train-00002-0"
    for split in ("train", "test"):
        write_parquet(folder / "v1.0" / split / "0000.parquet", {"text": ["a"]})
    table = shards(folder / "v1.0")
    assert {table.row_id(0), table.row_id(1)} == {"test_0000-0", "train_0000-0"}


def test_an_image_is_the_image_of_an_equal_file(folder: Path) -> None:
    image = ImageFile(shards(folder).image(1, "image"), 16)
    (folder / "x.png").write_bytes(encoded("lime"))
    assert image.digest() == ImageFile(folder / "x.png", 16).digest()
    assert image.load()[1].min() == 1
    assert load(folder / "x.png").shape == (16, 16, 3)
    assert image.photo_size() == (8, 8)
    assert image.name.endswith("row 1 column image")


def test_a_mask_in_a_cell(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", {"image": [encoded()], "mask": [encoded("white")]})
    table = shards(tmp_path)
    photo = ImageFile(table.image(0, "image"), 16)
    assert MaskFile(ImageFile(table.image(0, "mask"), 16), photo).load().min() == 1


def test_only_what_is_requested_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int, str]] = []
    original = ParquetShard.read

    def recorded(self: ParquetShard, group: int, column: str) -> Any:
        read.append((self.file.name[:11], group, column))
        return original(self, group, column)

    monkeypatch.setattr(ParquetShard, "read", recorded)
    table = shards(folder)
    images = [ImageFile(table.image(row, "image"), 8) for row in range(len(table))]
    assert read == []
    assert [table.cell(row, "text") for row in (3, 4)] == ["text 2 0", "text 2 1"]
    images[3].load()
    images[4].load()
    assert read == [("train-00002", 0, "text"), ("train-00002", 0, "image")]
    assert set(table._group.columns) == {"text", "image"}
    table.cell(5, "text")
    assert set(table._group.columns) == {"text"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (cell(None, "../../etc/passwd"), "row 0 column image: expected the bytes of an image"),
        (cell(b""), "got none"),
        (cell(b"not an image"), "row 0 column image: expected an image"),
        (cell(encoded("red", 64, "JPEG")[:400]), "row 0 column image: expected a readable"),
        (None, "got none"),
        ("text", "got str"),
    ],
)
def test_a_faulty_cell_costs_itself(tmp_path: Path, content: Any, words: str) -> None:
    good = content if isinstance(content, str) else cell(encoded())
    write_parquet(tmp_path / "x.parquet", {"image": [content, good]})
    table = shards(tmp_path)
    with pytest.raises(DataError, match=words) as raised:
        ImageFile(table.image(0, "image"), 8).load()
    assert len(str(raised.value).splitlines()) == 1
    if good is not content:
        ImageFile(table.image(1, "image"), 8).load()


def test_a_damaged_file_is_one_faulty_row(folder: Path) -> None:
    cut = next(folder.rglob("train-00000*"))
    whole = cut.read_bytes()
    for content in (whole[:-20], b"", b"PAR1" * 9):
        cut.write_bytes(content)
        table = shards(folder)
        assert len(table) == 1 + 4
        with pytest.raises(DataError, match=r"train-00000.*expected a parquet file"):
            table.cell(0, "text")
        assert table.cell(1, "text") == "text 2 0"
    footer = whole[-2000:]
    cut.write_bytes(b"PAR1" + bytes(len(whole) - 2004) + footer)
    with pytest.raises(DataError, match=r"row group 0 column image: expected readable parquet"):
        shards(folder).cell(0, "image")


def test_missing_columns(folder: Path) -> None:
    shard = parquet_shard(next(folder.rglob("train-00000*")))
    assert checked_columns(shard, ["text"]) is shard
    faulty = checked_columns(shard, ["text", "mask"])
    assert isinstance(faulty, FaultyShard)
    assert "expected columns text, mask; got text, image; missing: mask" in faulty.fault
