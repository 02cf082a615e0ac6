"""One damaged file of each kind: it is named, tables continue, and a rerun repairs it."""

import importlib
import json
import linecache
import logging
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Ids
from malformed_tries.stores import FILES, Damage, flip
from whole_store import leftovers

from ids.config.entry import prepare
from ids.diffusion import Uniform
from ids.editing import DistillationEditor
from ids.launch import launch
from ids.results.catalog import read_catalog
from ids.results.frames import frame
from ids.results.shelf import faults
from ids.run import Store, code

WORDS = ["debug=fast", "controls=none", "method=dds", "method.n_steps=3", "limit=4"]
WORDS += ["keep_every=1", "~metrics.ssim", "~metrics.ssim_background", "logger=files"]
DAMAGE: dict[str, Damage] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "emptied": lambda path: path.write_bytes(b""),
    "one bit": flip,
    "deleted": Path.unlink,
    "replaced": lambda path: path.write_text('{"schema_version": 2}'),
}


def run() -> None:
    assert not launch(prepare(WORDS)).failed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run()
    return folder


@pytest.mark.parametrize("how", DAMAGE)
def test_a_rerun_heals_one_file_of_each_kind(
    whole: Path,
    tmp_path: Path,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    store = Store(Path("outputs"))
    right = {key: store.look(key, content=True).status for key in store.all_keys()}
    edits = sorted(Path("outputs").glob("results/*/*"))
    hurt = {}
    for index, (kind, pattern) in enumerate(FILES.items()):
        found = sorted(Path("outputs").glob(pattern))
        of_another = [path for path in found if path.parent == edits[index % 4]]
        hurt[kind] = (of_another or found)[0]
        DAMAGE[how](hurt[kind])
    report = "\n".join(faults(store))
    gone = ("metrics", "source", "measurement", "data set", "mirrored")  # nothing refers to them
    for kind, path in hurt.items():
        assert str(path) in report or (how == "deleted" and kind in gone), report
    with caplog.at_level(logging.WARNING):
        catalog = read_catalog(store)
        for world in catalog.groups:
            frame(world.entries, store)
        run()
    assert str(hurt["job.json"]) in "".join(catalog.notes())
    named = caplog.text
    for kind in ("job.json", "edit.png", "edit.safetensors"):
        assert str(hurt[kind]) in named
    shutil.rmtree("outputs/aside")
    if how != "deleted":  # a damaged measurement is reported until it is removed
        hurt["measurement"].unlink()
    assert list(faults(store)) == []
    assert {key: store.look(key, content=True).status for key in store.all_keys()} == right
    (world,) = read_catalog(store).groups
    assert frame(world.entries, store)["psnr"].notna().all()
    assert all(entry.numbers.steps == [0, 1, 2, 3] for entry in world.entries)


def test_a_folder_in_a_files_place_is_kept_out_of_the_way(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for kind in ("metrics", "data set", "mirrored"):
        path = sorted(Path("outputs").glob(FILES[kind]))[0]
        path.unlink()
        path.mkdir()
        (path / "mine").write_text(kind)
    run()
    kept = {path.read_text() for path in Path("outputs/aside").glob("*/mine")}
    assert kept == {"metrics", "data set", "mirrored"}
    store = Store(Path("outputs"))
    (world,) = read_catalog(store).groups
    assert frame(world.entries, store)["psnr"].notna().all()


def test_json_too_deep_to_read_is_no_record(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for kind in ("job.json", "metrics"):
        sorted(Path("outputs").glob(FILES[kind]))[0].write_text("[" * 100_000)
    report = "".join(read_catalog(Store(Path("outputs"))).notes())
    assert "left out, damaged" in report


def test_a_store_of_version_0_1_is_named_and_not_read(ids: Ids) -> None:
    """As it wrote them: a folder per key, a record without a schema."""
    for number in range(3):
        folder = ids.folder / "outputs" / "results" / "ab" / f"ab{number:030}"
        folder.mkdir(parents=True)
        job = {"identity": {"setting": "x"}, "name": "dds", "status": "ok", "case": "c"}
        (folder / "job.json").write_text(json.dumps(job))
        (folder / "env.json").write_text("{}")
        (folder / "metrics.json").write_text('{"psnr@1": 99.0}')
    table = ids("table")
    assert table.returncode == 1
    assert "3 results of version 0.1 are not read" in table.stdout
    done = ids("run", *WORDS)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("3 results of version 0.1 are not read") == 1
    assert "99" not in ids("table").stdout
    assert ids("results", "rm", "--old", "--yes").returncode == 0
    assert "0.1" not in ids("table").stdout


OUTSIDE = '''
"""A rule of a user."""
from dataclasses import dataclass
from ids.core.records import Anchor
import helper_of_mine

@dataclass(frozen=True)
class Mine:
    """DOCUMENTED"""
    def anchor(self, eps_phi, z_src, y_src, draw):
        return Anchor(draw, draw.eps)  # COMMENT
    def grad(self, eps_phi, z_trg, y_trg, anchor):
        return helper_of_mine.scale(z_trg)
'''


def test_code_from_outside_is_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of a rule, the results of its older code are not reused."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def key(text: str, helper: str = "def scale(z): return 2 * z") -> object:
        (tmp_path / "rule_of_mine.py").write_text(text)
        (tmp_path / "helper_of_mine.py").write_text(helper)
        for name in ("rule_of_mine", "helper_of_mine"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        kind = importlib.import_module("rule_of_mine").Mine
        editor = DistillationEditor(kind(), Uniform(), partial(torch.optim.SGD, lr=0.1))
        return code.revisions(editor)["rule_of_mine.Mine"]

    first = key(OUTSIDE)
    assert key(OUTSIDE.replace("DOCUMENTED", "otherwise").replace("# COMMENT", "")) == first
    assert key(OUTSIDE.replace("draw.eps)", "-draw.eps)")) != first
    assert key(OUTSIDE, "def scale(z): return 3 * z") != first
    assert key(OUTSIDE) == first


def test_changed_code_of_this_package_is_logged_once(
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        run()
    assert "has changed since" not in caplog.text
    monkeypatch.setattr("ids.run.experiment.code_digests", lambda editor: {"DDS": "another"})
    with caplog.at_level(logging.WARNING):
        run()
    assert caplog.text.count("dds: the code of DDS has changed since existing") == 1
    assert "--force" in caplog.text


def test_files_of_workers_that_die_during_a_command_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a killed command's workers, which end a moment later."""
    monkeypatch.chdir(tmp_path)
    put, stale = Store.put, tmp_path / "outputs" / "partial" / "1-12345678"

    def put_beside_the_dead(store: Store, *args: Any) -> bool:
        stale.mkdir(parents=True, exist_ok=True)
        stale.with_suffix(".lock").touch()
        return put(store, *args)

    monkeypatch.setattr(Store, "put", put_beside_the_dead)
    run()
    assert leftovers(Store(Path("outputs"))) == []
