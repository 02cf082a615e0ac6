"""Incomplete, damaged, foreign and misplaced files: named, never read, and replaced by a rerun."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from conftest import ROOT
from malformed_tries.stores import flip
from store_content import edited, job, metrics_of

from ids.run import Store
from ids.run.records import MetricsRecord
from ids.run.sealed import SCHEMA_VERSION, seal
from ids.run.store import Lookup


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "truncated": truncate,
    "emptied": lambda path: path.write_bytes(b""),
    "one bit": flip,
    "deleted": Path.unlink,
    "replaced": lambda path: path.write_text('{"a": 1}'),
}


def run_python(program: str) -> "subprocess.CompletedProcess[str]":
    """A program in a new process that imports the package and the modules of `tests`."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["job.json", "edit.png", "edit.safetensors"])
def test_a_damaged_file_is_named_and_a_new_result_takes_its_place(
    tmp_path: Path, name: str, how: str
) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    DAMAGE[how](store.folder(one.key) / name)
    look = store.look(one.key)
    assert look.record is None
    assert name in look.problem
    assert store.put(one, edited(2.0), {}, {})
    assert store.look(one.key, content=True).status == "ok"
    assert len(list((tmp_path / "aside").iterdir())) == 1


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_numbers_are_left_out(tmp_path: Path, how: str) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    store.numbers.add_metrics(metrics_of(one, psnr=3.0))
    DAMAGE[how](store.numbers.metrics_path(one.key, one.case.digest))
    assert store.numbers.metrics(one.key, one.case.digest).values == {}
    store.numbers.add_metrics(metrics_of(one, psnr=3.0))
    assert store.numbers.metrics(one.key, one.case.digest).values


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_source_is_left_out(tmp_path: Path, how: str) -> None:
    store, z = Store(tmp_path), torch.rand(4, 2, 2)
    store.sources.put("name", z)
    assert torch.equal(store.sources.get("name"), z)  # type: ignore[arg-type]
    DAMAGE[how](tmp_path / "sources" / "na" / "name")
    assert store.sources.get("name") is None
    store.sources.put("name", z, replace=True)
    assert store.sources.get("name") is not None


def test_foreign_newer_old_and_misplaced_files_are_named(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    path = store.folder(one.key) / "job.json"
    path.parent.mkdir(parents=True)
    record = one.record("ok")

    def kind(content: bytes) -> str:
        path.write_bytes(content)
        return store.look(one.key).kind

    assert kind(seal(record)) == ""
    newer = msgspec.structs.replace(record, schema_version=SCHEMA_VERSION + 1)
    assert kind(seal(newer)) == "newer"
    assert kind(seal(job(seed=7).record("ok"))) == "misplaced"
    assert kind(seal(MetricsRecord(key="a", case="b"))) == "foreign"
    assert kind(b'{"identity": {}, "status": "ok"}') == "old"
    assert kind(b"[]") == "foreign"
    unknown = seal(record).replace(b'"ok"', b'"perhaps"')
    assert kind(unknown) == "damaged"
    fields = msgspec.json.decode(msgspec.json.encode(record))
    Unknown = msgspec.defstruct("Unknown", [(name, object) for name in fields])
    assert kind(seal(Unknown(**(fields | {"status": "perhaps"})))) == "foreign"
    path.unlink()
    assert store.look(one.key).kind == "damaged"
    path.parent.rmdir()
    path.parent.write_text("a file where a folder belongs")
    assert store.look(one.key).kind == "damaged"
    assert store.put(one, edited(), {}, {})


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ids.run.store.save", full)
    with pytest.raises(OSError, match="No space"):
        store.put(job(), edited(), {}, {})
    store.close()
    assert store.look(job().key).status is None
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_killed_between_write_and_rename(tmp_path: Path) -> None:
    program = (
        "import os, signal, pathlib\n"
        "from store_content import edited, job\n"
        "from ids.run import Store\n"
        "pathlib.Path.rename = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"store = Store(pathlib.Path({str(tmp_path)!r}))\n"
        "for _ in store.claims.batches([job()], 1, lambda j: j.key, lambda j: False):\n"
        "    store.put(job(), edited(), {}, {})\n"
    )
    assert run_python(program).returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.look(job().key).status is None
    assert list(tmp_path.glob("partial/*/*"))
    store.sweep()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert store.put(job(), edited(), {}, {})


def test_a_file_written_in_part_is_an_error(tmp_path: Path) -> None:
    """As on a full disk: no result is stored."""
    program = (
        "import resource, signal, pathlib\n"
        "from store_content import edited, job\n"
        "from ids.run import Store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        f"Store(pathlib.Path({str(tmp_path)!r})).put(job(), edited(), {{}}, {{}})\n"
    )
    done = run_python(program)
    assert done.returncode == 1
    assert "OSError" in done.stderr
    assert Store(tmp_path).look(job().key) == Lookup(job().key)


def test_damage_at_the_same_size_and_time_is_seen_once_every_byte_was_read(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    path = store.folder(one.key) / "edit.safetensors"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.look(one.key).status == "ok"
    assert store.look(one.key, content=True).kind == "damaged"
    assert store.look(one.key).kind == "damaged"


def test_misplaced_files_are_named(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    (tmp_path / "results" / "zz").mkdir()
    store.folder(one.key).rename(tmp_path / "results" / "zz" / one.key)
    (tmp_path / "results" / "stray").write_text("")
    assert list(store.all_keys()) == []
    assert len(list(store.misplaced())) == 2
    assert store.look(one.key).status is None
