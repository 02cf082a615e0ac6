"""Renamed, copied and shortened folders, and the data set that each result belongs to."""

import shutil
from pathlib import Path

import pytest
from photo_folder import Edit, edit_folder, groups, orphans, table, write, write_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "animals" / "photos")


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    monkeypatch.chdir(tmp_path)
    return edit_folder


def test_renaming_and_retagging_lose_and_split_nothing(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    before = table(tmp_path)
    moved = photos.rename(tmp_path / "images")
    assert edit(moved) == []
    assert [group.manifest.name for group in groups(tmp_path)] == ["folder:images"]
    text = (moved / "edits.csv").read_text()
    (moved / "edits.csv").write_text(text.replace("pet", "animal furry"))
    assert edit(moved) == []
    after = table(tmp_path)
    assert after["psnr"].equals(before["psnr"])
    (group,) = groups(tmp_path)
    assert group.entries[0].row.tags == ["animal", "furry"]
    assert orphans(tmp_path) == 0


def test_two_folders_of_one_name_are_two_data_sets(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    other = tmp_path / "cars" / "photos"
    shutil.copytree(photos, other)
    write(other, "bike.png,a bike,a boat,,")
    edit(photos)
    edit(other)
    found = groups(tmp_path)
    assert sorted(len(group.entries) for group in found) == [1, 3]
    assert len({group.title for group in found}) == 2
    assert {str(p) in note for p in (photos, other) for w in found for note in w.notes()}
    assert {group.manifest.place for group in found} == {
        str(photos / "edits.csv"),
        str(other / "edits.csv"),
    }


def test_two_data_sets_share_equal_rows(photos: Path, edit: Edit, tmp_path: Path) -> None:
    other = tmp_path / "more"
    shutil.copytree(photos, other)
    write(other, "bike.png,a bike,a car,,", "hat.png,another,prompt,,")
    edit(photos)
    assert len(edit(other)) == 1
    assert sorted(len(group.entries) for group in groups(tmp_path)) == [2, 3]


def test_a_part_of_a_data_set_leaves_the_other_rows_in_the_table(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    assert edit(photos, "limit=1") == []
    assert len(table(tmp_path)) == 3
    write(photos, "cat.png,a cat,a dog,mask.png,pet")  # the other rows are removed
    edit(photos)
    assert (len(table(tmp_path)), orphans(tmp_path)) == (1, 2)


def test_the_same_folder_at_two_sizes(photos: Path, edit: Edit, tmp_path: Path) -> None:
    edit(photos)
    assert len(edit(photos, "dataset.size=24")) == 3
    found = groups(tmp_path)
    assert [len(group.entries) for group in found] == [3, 3]
    assert len({group.title for group in found}) == 2


def test_a_copied_folder_and_its_original_are_two_data_sets(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    copy = tmp_path / "copy"
    shutil.copytree(photos, copy)
    assert edit(copy) == []
    assert [len(group.entries) for group in groups(tmp_path)] == [3, 3]
    text = (copy / "edits.csv").read_text()
    (copy / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    edit(copy)
    assert (orphans(tmp_path), [len(group.entries) for group in groups(tmp_path)]) == (0, [3, 3])


def test_a_folder_that_is_renamed_and_corrected_at_once_is_one_data_set(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    moved = photos.rename(tmp_path / "images")
    text = (moved / "edits.csv").read_text()
    (moved / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    assert len(edit(moved)) == 1
    (group,) = groups(tmp_path)
    assert (len(group.entries), orphans(tmp_path)) == (3, 1)
