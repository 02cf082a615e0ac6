"""Every number belongs to exactly one case and edit: rows that are corrected, renamed, inserted or
shared, and their numbers.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, ImageOps

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.errors import WeightsError
from ids.results.catalog import ResultGroup, read_catalog
from ids.results.frames import frame
from ids.run import Outcome, Store

WORDS = ["debug=fast", "controls=none", "method=dds", "method.n_steps=3"]
WORDS += ["~metrics.ssim", "~metrics.ssim_background"]
Edit = Callable[..., list[Outcome]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images with prompts; the first has a mask."""
    folder = tmp_path / "animals" / "photos"
    folder.mkdir(parents=True)
    for name, colour in (("cat", "red"), ("bike", "blue"), ("hat", "green")):
        image = Image.new("RGB", (40, 40), colour)
        image.paste("white", (5, 5, 20, 20))
        image.save(folder / f"{name}.png")
    mask = Image.new("L", (40, 40), 0)
    mask.paste(255, (0, 0, 20, 40))
    mask.save(folder / "mask.png")
    write(folder, "cat.png,a cat,a dog,mask.png,pet", "bike.png,a bike,a car,,", "hat.png,a,b,,")
    return folder


def write(folder: Path, *rows: str) -> None:
    (folder / "edits.csv").write_text("image,source,target,mask,tags\n" + "\n".join(rows) + "\n")


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Run a folder's data set; the outcomes of what was newly made."""
    monkeypatch.chdir(tmp_path)

    def run(folder: Path, *words: str) -> list[Outcome]:
        before = set(Store(Path("outputs")).all_keys())
        limit = [] if any(word.startswith("limit") for word in words) else ["limit=null"]
        overrides = [*WORDS, "dataset=folder", f"dataset.path={folder}", *limit, *words]
        (setting,) = compose_all(overrides)
        outcomes = build_experiment(setting).run(tmp_path / "run")
        return [outcome for outcome in outcomes if outcome.job.key not in before]

    return run


def worlds(tmp_path: Path) -> list[ResultGroup]:
    return list(read_catalog(Store(tmp_path / "outputs")).groups)


def table(tmp_path: Path) -> pd.DataFrame:
    """The results of the only data set, by the name of the image."""
    (world,) = worlds(tmp_path)
    found = frame(world.entries, Store(tmp_path / "outputs"))
    return found.set_index(found["id"].str.split("-").str[0])


def orphans(tmp_path: Path) -> int:
    return len(read_catalog(Store(tmp_path / "outputs")).orphans)


def test_a_row_on_top_makes_nothing_again(photos: Path, edit: Edit, tmp_path: Path) -> None:
    assert len(edit(photos)) == 3
    before = table(tmp_path)
    Image.new("RGB", (40, 40), "gray").save(photos / "new.png")
    rows = (photos / "edits.csv").read_text().splitlines()[1:]
    write(photos, "new.png,a stone,a ball,,", *rows)
    assert [outcome.job.case.source for outcome in edit(photos)] != []
    after = table(tmp_path)
    assert len(after) == 4
    for name in before.index:
        assert after.loc[name, "key"] == before.loc[name, "key"]
        assert after.loc[name, "psnr"] == before.loc[name, "psnr"]


def test_renaming_and_retagging_lose_and_split_nothing(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    before = table(tmp_path)
    moved = photos.rename(tmp_path / "images")
    assert edit(moved) == []
    assert [world.manifest.name for world in worlds(tmp_path)] == ["folder:images"]
    text = (moved / "edits.csv").read_text()
    (moved / "edits.csv").write_text(text.replace("pet", "animal furry"))
    assert edit(moved) == []
    after = table(tmp_path)
    assert after["psnr"].equals(before["psnr"])
    (world,) = worlds(tmp_path)
    assert world.entries[0].row.tags == ["animal", "furry"]
    assert orphans(tmp_path) == 0


def test_two_folders_of_one_name_are_two_data_sets(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    other = tmp_path / "cars" / "photos"
    shutil.copytree(photos, other)
    write(other, "bike.png,a bike,a boat,,")
    edit(photos)
    edit(other)
    found = worlds(tmp_path)
    assert sorted(len(world.entries) for world in found) == [1, 3]
    assert len({world.title for world in found}) == 2
    assert {str(p) in note for p in (photos, other) for w in found for note in w.notes()}
    assert {world.manifest.place for world in found} == {
        str(photos / "edits.csv"),
        str(other / "edits.csv"),
    }


def test_two_data_sets_share_what_they_have_in_common(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    other = tmp_path / "more"
    shutil.copytree(photos, other)
    write(other, "bike.png,a bike,a car,,", "hat.png,another,prompt,,")
    edit(photos)
    assert len(edit(other)) == 1
    assert sorted(len(world.entries) for world in worlds(tmp_path)) == [2, 3]


def test_a_corrected_mask_gives_new_numbers_of_the_same_edit(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    before = table(tmp_path)
    mask = Image.open(photos / "mask.png")
    ImageOps.invert(mask).save(photos / "mask.png")
    assert edit(photos) == []
    after = table(tmp_path)
    assert after.loc["cat", "key"] == before.loc["cat", "key"]
    assert after.loc["cat", "psnr"] == before.loc["cat", "psnr"]
    assert after.loc["cat", "psnr_background"] != before.loc["cat", "psnr_background"]
    fresh = tmp_path / "fresh"
    edit(photos, f"output_dir={fresh}")
    (world,) = read_catalog(Store(fresh)).groups
    right = frame(world.entries, Store(fresh)).set_index("key")
    assert after.set_index("key")["psnr_background"].equals(right["psnr_background"][after["key"]])


def test_a_corrected_prompt_or_image_takes_the_old_numbers_out_of_the_table(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    text = (photos / "edits.csv").read_text()
    (photos / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    assert len(edit(photos)) == 1
    assert (len(table(tmp_path)), orphans(tmp_path)) == (3, 1)
    Image.new("RGB", (40, 40), "black").save(photos / "hat.png")
    assert len(edit(photos)) == 1
    assert (len(table(tmp_path)), orphans(tmp_path)) == (3, 2)
    (note,) = read_catalog(Store(tmp_path / "outputs")).notes()
    assert note.startswith("2 results answer no row of a current data set")
    (photos / "edits.csv").write_text(text)  # back again: the numbers of before, at no edit
    assert edit(photos) == []
    assert orphans(tmp_path) == 2


def test_a_refused_run_leaves_the_table_unchanged(photos: Path, edit: Edit, tmp_path: Path) -> None:
    """The backbone is incomplete, after prompts were corrected: no edit was made."""
    edit(photos)
    text = (photos / "edits.csv").read_text()
    (photos / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError):
        edit(photos, "backbone=stable_diffusion", "backbone.path=./empty", "dataset.size=32")
    assert (len(table(tmp_path)), orphans(tmp_path)) == (3, 0)


def test_a_part_of_a_data_set_leaves_the_other_rows_in_the_table(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    assert edit(photos, "limit=1") == []
    assert len(table(tmp_path)) == 3
    write(photos, "cat.png,a cat,a dog,mask.png,pet")  # the others have left
    edit(photos)
    assert (len(table(tmp_path)), orphans(tmp_path)) == (1, 2)


def test_the_same_folder_at_two_sizes(photos: Path, edit: Edit, tmp_path: Path) -> None:
    edit(photos)
    assert len(edit(photos, "dataset.size=24")) == 3
    found = worlds(tmp_path)
    assert [len(world.entries) for world in found] == [3, 3]
    assert len({world.title for world in found}) == 2


def test_an_image_saved_anew_is_the_same_image(photos: Path, edit: Edit, tmp_path: Path) -> None:
    edit(photos)
    Image.open(photos / "hat.png").save(photos / "hat.png", compress_level=0, optimize=False)
    assert edit(photos) == []


def test_force_makes_edits_again_and_nothing_else_does(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    store = Store(tmp_path / "outputs")
    made = {key: store.look(key).record.made for key in store.all_keys()}  # type: ignore[union-attr]
    edit(photos)
    assert made == {k: store.look(k).record.made for k in made}  # type: ignore[union-attr]
    edit(photos, "force=true")
    assert all(store.look(k).record.made > then for k, then in made.items())  # type: ignore[union-attr]
    assert table(tmp_path)["psnr"].notna().all()
    assert list((tmp_path / "outputs").glob("aside/*")) == []


def test_a_broken_mask_costs_its_row_and_nobody_else(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    (photos / "mask.png").write_bytes(b"no image")
    assert len(edit(photos)) == 2
    (world,) = worlds(tmp_path)
    assert len(world.entries) == 2
    assert any("mask.png" in note for note in world.notes())


def test_equal_rows_are_one_case(photos: Path, edit: Edit, tmp_path: Path) -> None:
    shutil.copy(photos / "hat.png", photos / "copy.png")
    write(photos, "hat.png,a,b,,", "copy.png,a,b,,other")
    assert len({outcome.job.key for outcome in edit(photos)}) == 1
    (world,) = worlds(tmp_path)
    assert len(world.entries) == 1
    assert "1 rows repeat another row, and count as one case with it" in world.notes()


def test_a_copied_folder_and_its_original_are_two_data_sets(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    copy = tmp_path / "copy"
    shutil.copytree(photos, copy)
    assert edit(copy) == []
    assert [len(world.entries) for world in worlds(tmp_path)] == [3, 3]
    text = (copy / "edits.csv").read_text()
    (copy / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    edit(copy)
    assert (orphans(tmp_path), [len(world.entries) for world in worlds(tmp_path)]) == (0, [3, 3])


def test_a_folder_that_is_renamed_and_corrected_at_once_is_one_data_set(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    edit(photos)
    moved = photos.rename(tmp_path / "images")
    text = (moved / "edits.csv").read_text()
    (moved / "edits.csv").write_text(text.replace("a dog", "a tiger"))
    assert len(edit(moved)) == 1
    (world,) = worlds(tmp_path)
    assert (len(world.entries), orphans(tmp_path)) == (3, 1)


def test_tags_of_equal_rows_are_united(photos: Path, edit: Edit, tmp_path: Path) -> None:
    write(photos, "hat.png,a,b,,red", "hat.png,a,b,,blue")
    edit(photos)
    (world,) = worlds(tmp_path)
    assert world.entries[0].row.tags == ["blue", "red"]


def test_a_prompt_that_is_too_long_fails_no_edit_that_reads_none(
    photos: Path, edit: Edit, tmp_path: Path
) -> None:
    write(photos, f"cat.png,a cat,{'dog ' * 200},,", "hat.png,a,b,,")
    settings = compose_all(
        [
            *("backbone=shapes", "metrics=standard", "logger=files", "method=null_edit"),
            *("controls=none", "dataset=folder", f"dataset.path={photos}"),
        ]
    )
    outcomes = build_experiment(settings[0]).run(tmp_path / "run")
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]


def test_another_spacing_of_states_is_logged(
    photos: Path, edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    edit(photos)
    edit(photos, "keep_every=1")
    assert "existing edits keep every 10th state" in caplog.text
