"""A folder of source halves that holds other files, copies, and rows of other code."""

import os
import shutil
from pathlib import Path

import torch

from ids.core.anchor_rows import AnchorRows
from ids.run import CacheLimits
from ids.run.anchor_files import FileCache


def row(value: float = 0.0) -> AnchorRows:
    """An anchor of one row."""
    maps: dict[str, str] = {}
    layout = {"draw": ("t", "eps", None), "reference": "0"}
    layout |= {"features": maps, "places": maps, "logs": maps, "parts": maps}
    return AnchorRows(layout, {"0": torch.full((1, 1, 1, 1000), float(value))}, 1)


def value(found: AnchorRows | None) -> float | None:
    return None if found is None else float(found.tensors["0"].mean())


def test_a_full_folder_loses_files_of_the_cache_alone(tmp_path: Path) -> None:
    """The chosen folder may hold anything: folders of two letters are common."""
    thesis = tmp_path / "ml" / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("x" * 5000)
    os.utime(thesis, (0, 0))
    cache = FileCache(tmp_path, 20_000)
    for n in range(10):
        cache.put(f"{n:02}-0", row())
    assert thesis.exists()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.anchor")) <= 20_000


def test_a_file_under_the_name_of_another_is_missing(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10**6)
    cache.put("ab-0", row(1))
    shutil.copy(tmp_path / "ab" / "ab-0.anchor", tmp_path / "ab" / "ab-1.anchor")
    assert cache.get("ab-1") is None
    assert value(cache.get("ab-0")) == 1


def test_a_row_of_other_code_is_missing(tmp_path: Path) -> None:
    """Of a helper function, say, which is in no class: --force must not take it."""
    FileCache(tmp_path, 10**6, "before").put("ab-0", row(1))
    now = FileCache(tmp_path, 10**6, "now")
    assert now.get("ab-0") is None
    now.put("ab-0", row(2))
    assert value(FileCache(tmp_path, 10**6, "now").get("ab-0")) == 2
    (_, disk) = CacheLimits(disk_mb=1, folder=str(tmp_path)).open().levels
    assert isinstance(disk, FileCache)
    assert len(disk.code) == 16
