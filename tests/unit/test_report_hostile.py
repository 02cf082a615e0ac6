"""The page of damaged stores and foreign folders: one line, or a page with a note."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import report_store
from report_store import Parsed, write

from ids.core.errors import ConfigError, DataError, StorageError
from ids.core.storage import storing
from ids.report.pages.images import ImageFolder, open_images
from ids.report.pages.page import check_place, write_page
from ids.results.catalog import Entry, read_catalog
from ids.results.selection import Selection
from ids.run.records import MetricsRecord, MetricValue
from ids.run.store import IMAGE, TENSORS, Store


def entries(store: Store, name: str) -> list[Entry]:
    (group,) = read_catalog(store).groups
    return [entry for entry in group.entries if entry.record.name == name]


def spoil(path: Path) -> None:
    """Other bytes, of the same size and time."""
    times = path.stat()
    path.write_bytes(b"\xff" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_damage_costs_itself(tmp_path: Path) -> None:
    inputs = report_store.write_store(tmp_path / "store", 4, ("dds", "a/b"))
    store = Store(tmp_path / "store")
    dds, other = entries(store, "dds"), entries(store, "a/b")
    spoil(store.folder(dds[0].record.key) / TENSORS)
    spoil(store.folder(dds[1].record.key) / IMAGE)
    cut = store.folder(dds[2].record.key) / IMAGE
    cut.write_bytes(cut.read_bytes()[:40])
    (store.folder(other[0].record.key) / TENSORS).unlink()
    key, case = other[1].record.key, other[1].row.case
    odd = {
        "success@1": MetricValue(None, "", True),
        "psnr_background@1": MetricValue("-inf", "", True),
    }
    store.numbers.add_metrics(MetricsRecord(key=key, case=case, values=odd))
    parsed, text, notes = write(tmp_path, inputs)
    (group,) = parsed.data["groups"]
    keys = {result[4] for result in group["results"]}
    assert dds[2].record.key[:12] not in keys
    assert other[0].record.key[:12] not in keys
    assert len(group["results"]) == 4 * 4 - 2
    (found,) = [r for r in group["results"] if r[4] == key[:12]]
    columns = [column["key"] for column in group["columns"]]
    assert found[7][columns.index("success")] is None
    assert found[7][columns.index("psnr_background")] == "-inf"
    assert "NaN" not in parsed.scripts[0]
    assert any("Kept states of 1 edit are not shown" in note for note in notes)
    assert any("left out, damaged" in note and "and 1 more" in note for note in notes)
    assert ">nan<" not in text


def test_results_that_vanish_meanwhile_have_no_image(tmp_path: Path) -> None:
    inputs = report_store.write_store(tmp_path / "store", 1, ("dds",))
    store = Store(tmp_path / "store")
    catalog = read_catalog(store)
    gone = entries(store, "dds")[0].record.key
    shutil.rmtree(store.folder(gone))
    path, notes = write_page(
        Selection(tmp_path / "store"), tmp_path / "page", inputs, catalog=catalog
    )
    (group,) = Parsed(path.read_text("utf-8")).data["groups"]
    images = {result[4]: result[5:7] for result in group["results"]}
    assert images.pop(gone[:12]) == ["", ""]
    assert all(all(pair) for pair in images.values())
    assert any("Kept states of 1 edit are not shown" in note for note in notes)


def test_foreign_pages_and_files_stay(tmp_path: Path) -> None:
    inputs = report_store.write_store(tmp_path / "store", 1, ())
    mine = tmp_path / "page" / "index.html"
    (mine.parent / "images").mkdir(parents=True)
    (mine.parent / "images" / "holiday.png").write_bytes(b"mine")
    mine.write_text("<title>My page</title>")
    with pytest.raises(ConfigError, match=r"expected a page of `ids report`; got another"):
        write(tmp_path, inputs)
    assert mine.read_text() == "<title>My page</title>"
    assert [path.name for path in (mine.parent / "images").iterdir()] == ["holiday.png"]
    mine.unlink()
    for _ in range(2):  # a page of ours is replaced
        write(tmp_path, inputs)
    assert (mine.parent / "images" / "holiday.png").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["results", "runs/page", "results/../sources"])
def test_the_folders_of_a_store_take_no_page(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a folder outside those of the store") as error:
        check_place(tmp_path / name, tmp_path)
    assert "\n" not in str(error.value)
    for fine in (tmp_path, tmp_path / "report", tmp_path / "my" / "results", tmp_path.parent):
        check_place(fine, tmp_path)


def test_a_full_disk_is_one_line_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(*_: Any) -> None:
        raise OSError(errno.EXDEV, "another file system")

    def full(_: Path, place: Path) -> None:
        place.write_bytes(b"part")
        raise OSError(errno.ENOSPC, "No space left on device", str(place))

    monkeypatch.setattr(os, "link", other_disk)
    monkeypatch.setattr(shutil, "copyfile", full)
    images = open_images(tmp_path / "images")
    with pytest.raises(StorageError, match="it is full; free some space"), storing(tmp_path):
        images.link(tmp_path / "edit.png", "digest")
    assert list((tmp_path / "images").iterdir()) == []
    assert images.present == set()


def test_files_that_are_no_images_have_no_thumbnail(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path)
    for name, content in {"a.png": b"", "b.png": b"\x89PNG\r\n\x1a\n" + b"\x7f" * 40}.items():
        (tmp_path / name).write_bytes(content)
        assert images.thumbnails([name, name, ""]) == [name, name, ""]


def test_a_selection_without_results_names_the_remedy(tmp_path: Path) -> None:
    report_store.write_store(tmp_path / "store", 1, ())
    wrong = Selection(tmp_path / "store", methods=["nothing"])
    with pytest.raises(DataError, match="found none; change the selection"):
        write_page(wrong, tmp_path / "page", report_store.PageInputs())
