"""Edited scenes in the page of a store: shared viewpoints, distances, errors, video, and faults."""

import os
from pathlib import Path

import numpy as np
import pytest
import report_store
from made_up_results import MadeUp
from numpy.typing import NDArray
from PIL import Image

from ids.core.capture import SceneSource
from ids.report.pages.curves import read_curves
from ids.report.pages.inputs import PageInputs
from ids.results.contrasts import GroupFrames
from ids.run.scene_files import SCENE
from ids.run.store import Store


def pixels(root: Path, name: str) -> NDArray[np.float64]:
    return np.asarray(Image.open(root / "page" / "images" / name).convert("RGB")) / 255


def test_methods_are_shown_at_the_same_viewpoints(tmp_path: Path) -> None:
    inputs = report_store.write_scene_store(tmp_path / "store")
    page, _, notes = report_store.write(tmp_path, inputs)
    (group,) = page.data["groups"]
    source = group["scenes"]["cases"]["0"]
    results = [group["scenes"]["results"][str(place)] for place in range(2)]
    assert not [note for note in notes if "scene" in note]
    (case,) = inputs.cases.values()
    assert isinstance(case.source, SceneSource)
    photos = case.source.capture().photos
    shown = [round(9 * k / 7) for k in range(8)]  # eight of ten views, both ends among them
    assert [name.split(" (")[0] for name in source["views"]] == [photos[n].name for n in shown]
    assert [name.endswith("(held out)") for name in source["views"]] == [
        photos[n].is_held_out for n in shown
    ]
    for kind, count in (("render", 8), ("distance", 8), ("error", 8)):
        assert [len(part[kind]) for part in (source, *results)] == [count] * 3
    for k, n in enumerate(shown):
        before = 0.4 * n / 9
        assert pixels(tmp_path, source["render"][k]).mean() == pytest.approx(before, abs=0.01)
        for number, result in enumerate(results):
            after = before + 0.2 * (number + 1)
            assert pixels(tmp_path, result["render"][k]).mean() == pytest.approx(after, abs=0.01)
            truth = photos[n].truth
            assert truth is not None
            error = np.abs(truth.load().permute(1, 2, 0).numpy() - after).mean(axis=2)
            drawn = pixels(tmp_path, result["error"][k])[..., 0]
            assert np.allclose(drawn, np.clip(2 * error, 0, 1), atol=0.02)
        mask = photos[n].mask
        assert mask is not None
        with Image.open(tmp_path / "page" / "images" / source["mask"][k]) as layer:
            assert np.array_equal(np.asarray(layer)[..., 3] > 0, mask.load()[0].numpy() > 0.5)
    near, far = (pixels(tmp_path, source["distance"][0])[0, column, 0] for column in (0, 31))
    assert near > far
    assert all((tmp_path / "page" / "images" / result["video"]).is_file() for result in results)


def test_kept_states_are_shown_at_the_first_viewpoints(tmp_path: Path) -> None:
    """From the unedited scene on; without a value of a metric, since they are not judged."""
    inputs = report_store.write_scene_store(tmp_path / "store")
    page, _, _ = report_store.write(tmp_path, inputs)
    (group,) = page.data["groups"]
    for result in group["scenes"]["results"].values():
        assert result["states"]["steps"] == [0, 4, 8]
        for step, names in zip((0, 4, 8), result["states"]["images"], strict=True):
            assert len(names) == 2
            assert pixels(tmp_path, names[0]).mean() == pytest.approx(0.01 * step, abs=0.01)
        assert pixels(tmp_path, result["states"]["images"][0][1]).mean() == pytest.approx(
            0.4 / 9, abs=0.01
        )


def test_a_second_page_reads_no_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = report_store.write_scene_store(tmp_path / "store")
    first = report_store.write(tmp_path, inputs)[0].data["groups"]
    monkeypatch.setattr("ids.report.pages.scenes.read_scene", lambda _: pytest.fail("read again"))
    assert report_store.write(tmp_path, inputs)[0].data["groups"] == first


def test_without_its_capture_a_scene_has_neither_names_nor_errors(tmp_path: Path) -> None:
    report_store.write_scene_store(tmp_path / "store")
    page, _, _ = report_store.write(tmp_path, PageInputs())
    scenes = page.data["groups"][0]["scenes"]
    assert scenes["cases"]["0"]["views"][:2] == ["view 1", "view 2"]
    assert not {"error", "mask"} & set(scenes["cases"]["0"])
    assert "error" not in scenes["results"]["0"]


@pytest.mark.parametrize("content", [b"", b"\xff" * 64], ids=["empty", "no tensors"])
def test_a_damaged_scene_is_a_note(tmp_path: Path, content: bytes) -> None:
    """The page is written with the other scene."""
    inputs = report_store.write_scene_store(tmp_path / "store")
    store = Store(tmp_path / "store")
    damaged = store.folder(next(store.all_keys())) / SCENE
    times = damaged.stat()
    damaged.write_bytes(content.ljust(times.st_size, b"\0") if content else b"")

    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    page, _, notes = report_store.write(tmp_path, inputs)
    assert len(page.data["groups"][0]["scenes"]["results"]) <= 1
    assert any(str(damaged) in note or "damaged" in note for note in notes)


def test_a_page_without_curves_has_the_reason_in_plain_words(tmp_path: Path) -> None:
    """Of scenes without metrics, and of methods with one setting and no kept states each."""
    inputs = report_store.write_scene_store(tmp_path / "store")
    report_store.write(tmp_path, inputs)
    curves = (tmp_path / "page/index.html").read_text().partition('id="page-curves"')[2]
    assert "No curve: these results have no metric of edit strength" in curves
    assert "--axis" not in curves
    of = GroupFrames(MadeUp(n=2).add("sds", 1.0).add("ids", 0.0).group(), Store(tmp_path / "store"))
    (reason,) = read_curves(of.group, of.store, "dds", tmp_path / "figures").missing
    assert reason.startswith("No curve. sds, ids: one setting each without kept states")
    assert "--axis" not in reason


def test_images_have_no_scenes(tmp_path: Path) -> None:
    inputs = report_store.write_store(tmp_path / "store", 1)
    page, _, _ = report_store.write(tmp_path, inputs)
    assert page.data["groups"][0]["scenes"] == {"cases": {}, "results": {}}
