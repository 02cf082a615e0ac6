"""Every number belongs to exactly one case and edit: rows that are corrected, inserted, repeated or
refused, and their numbers.
"""

import shutil
from pathlib import Path

import pytest
from photo_folder import Edit, edit_folder, groups, orphans, table, write, write_photos
from PIL import Image, ImageOps

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.errors import WeightsError
from ids.core.rows import RowSelection
from ids.data import Translation
from ids.results.catalog import read_catalog
from ids.results.frames import frame
from ids.run import Store
from ids.run.manifest import Manifests, survey


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "animals" / "photos")


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    monkeypatch.chdir(tmp_path)
    return edit_folder


def test_a_row_on_top_repeats_no_edit(photos: Path, edit: Edit, tmp_path: Path) -> None:
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


def test_data_sets_of_one_folder_have_tables_of_their_own(photos: Path, tmp_path: Path) -> None:
    """As cats to pigs, and the same cats to squirrels."""
    store = Store(tmp_path / "outputs")
    manifests = Manifests(store.root / "datasets", store.claims, store.numbers)
    for rows in (RowSelection(), RowSelection(limit=1), RowSelection()):
        for target in ("pig", "squirrel"):
            manifests.add(survey(Translation(str(photos), 16, "cat", [target]), rows))
        found = {manifest.name: len(manifest.rows) for manifest in manifests.all()}
        assert found == {f"translation:photos cat to {t}": 4 for t in ("pig", "squirrel")}


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
    (group,) = read_catalog(Store(fresh)).groups
    right = frame(group.entries, Store(fresh)).set_index("key")
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
    (photos / "edits.csv").write_text(text)  # the earlier numbers again, without an edit
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


def test_an_image_saved_again_is_the_same_image(photos: Path, edit: Edit, tmp_path: Path) -> None:
    edit(photos)
    Image.open(photos / "hat.png").save(photos / "hat.png", compress_level=0, optimize=False)
    assert edit(photos) == []


def test_only_force_repeats_edits(photos: Path, edit: Edit, tmp_path: Path) -> None:
    edit(photos)
    store = Store(tmp_path / "outputs")
    times = {key: store.look(key).record.made for key in store.all_keys()}  # type: ignore[union-attr]
    edit(photos)
    assert times == {k: store.look(k).record.made for k in times}  # type: ignore[union-attr]
    edit(photos, "force=true")
    assert all(store.look(k).record.made > then for k, then in times.items())  # type: ignore[union-attr]
    assert table(tmp_path)["psnr"].notna().all()
    assert list((tmp_path / "outputs").glob("aside/*")) == []


def test_a_broken_mask_fails_its_row_only(photos: Path, edit: Edit, tmp_path: Path) -> None:
    (photos / "mask.png").write_bytes(b"no image")
    assert len(edit(photos)) == 2
    (group,) = groups(tmp_path)
    assert len(group.entries) == 2
    assert any("mask.png" in note for note in group.notes())


def test_equal_rows_are_one_case(photos: Path, edit: Edit, tmp_path: Path) -> None:
    shutil.copy(photos / "hat.png", photos / "copy.png")
    write(photos, "hat.png,a,b,,", "copy.png,a,b,,other")
    assert len({outcome.job.key for outcome in edit(photos)}) == 1
    (group,) = groups(tmp_path)
    assert len(group.entries) == 1
    assert "1 row repeats another row: one case with it" in group.notes()


def test_tags_of_equal_rows_are_united(photos: Path, edit: Edit, tmp_path: Path) -> None:
    write(photos, "hat.png,a,b,,red", "hat.png,a,b,,blue")
    edit(photos)
    (group,) = groups(tmp_path)
    assert group.entries[0].row.tags == ["blue", "red"]


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
