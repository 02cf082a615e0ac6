"""A result is complete or absent, the first complete one wins, and other files are named."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

from ids.core.records import EditCase, Edited, Measurement
from ids.data import Shapes
from ids.run import Job, Setting, Store
from ids.run.job import normalize_numbers
from ids.run.records import EditRecord, MetricsRecord, MetricValue
from ids.run.sealed import SCHEMA_VERSION, seal
from ids.run.store import Lookup

CASE = Shapes(count=1)[0]


def job(
    seed: int | None = 0,
    method: dict[str, object] | None = None,
    case: EditCase = CASE,
    **backbone: str,
) -> Job:
    configured = method or {"_target_": "ids.editing.X", "n_steps": 3}
    setting = Setting("dds", configured, "tiny", backbone, {"DDS": 1})
    return Job(setting, case, seed, (case.prompt_src, case.prompt_trg))


def edited(level: float = 1.0) -> Edited:
    return Edited(torch.rand(3, 8, 8), torch.zeros(4, 2, 2), torch.full((4, 2, 2), level))


def numbers(one: Job, **values: float) -> MetricsRecord:
    found = {f"{name}@1": MetricValue(value, "", True) for name, value in values.items()}
    return MetricsRecord(key=one.key, case=one.case.digest, values=found)


def test_a_stored_result_is_read_back(tmp_path: Path) -> None:
    store, one, made = Store(tmp_path), job(), edited()
    assert store.look(one.key).status is None
    trace = {"t": torch.tensor([3, 4]), "fpr_residual": torch.rand(2, 3)}
    states = {100: made.z_trg, 0: made.z_trg + 1, 20: made.z_trg + 2}
    assert store.put(one, made, trace, states)
    assert store.look(one.key, content=True).status == "ok"
    assert torch.equal(store.z_trg(one.key)[0], made.z_trg)
    assert (store.image(one.key) - made.image).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(store.trace(one.key).curves["fpr_residual"], trace["fpr_residual"])
    assert list(store.states(one.key)) == [0, 20, 100]
    assert torch.equal(store.states(one.key)[0], states[0])
    assert len(list(store.folder(one.key).iterdir())) == 3


def test_numbers_belong_to_an_edit_and_a_case(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    other = job(case=replace(CASE, mask=None))
    assert one.key == other.key  # a mask changes no edit
    assert one.case.digest != other.case.digest  # but the case is another
    store.put(one, edited(), {}, {})
    store.numbers.add_metrics(numbers(one, psnr=3.0))
    store.numbers.add_metrics(numbers(one, ssim=0.5))
    store.numbers.add_metrics(numbers(other, psnr=7.0))
    found = store.numbers.metrics(one.key, one.case.digest).values
    assert {name: v.value for name, v in found.items()} == {"psnr@1": 3.0, "ssim@1": 0.5}
    found = store.numbers.metrics(other.key, other.case.digest).values
    assert {name: v.value for name, v in found.items()} == {"psnr@1": 7.0}


def test_labels_are_no_part_of_a_key() -> None:
    """Rows may be inserted, retagged and renamed: their cases stay the same."""
    renamed = replace(CASE, id="other", tags=frozenset({"new"}), metadata={"note": "x"})
    assert job(case=renamed).key == job().key
    assert renamed.digest == CASE.digest
    assert replace(CASE, prompt_trg="a red square").digest != CASE.digest


def test_the_first_complete_result_wins(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    assert store.put(one, edited(1.0), {}, {})
    assert not store.put(one, edited(2.0), {}, {})
    assert not store.put_failure(one, "failed", "too late")
    assert store.z_trg(one.key).max() == 1
    assert store.put(one, edited(3.0), {}, {}, replace=True)
    assert store.z_trg(one.key).max() == 3


def test_a_failure_gives_way(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put_failure(one, "failed", "NaN")
    assert store.look(one.key).status == "failed"
    assert store.put(one, edited(), {}, {})
    assert store.look(one.key).status == "ok"
    assert not (tmp_path / "aside").exists()


def test_measurements_are_kept_apart_by_engine_and_the_newest_counts(tmp_path: Path) -> None:
    numbers = Store(tmp_path).numbers
    numbers.put_measurement("cpu", {"device": "x"}, ["a", "b"], Measurement(1.0, 2.0, 3.0, 4.0))
    numbers.put_measurement("gpu", {"device": "y"}, ["a"], Measurement(5.0, 2.0, 3.0, float("nan")))
    assert numbers.measurements("cpu")["a"].engine == {"device": "x"}
    assert numbers.measurements()["a"].seconds == 5.0
    assert numbers.measurements()["a"].peak_bytes is None
    assert numbers.measurements()["b"].keys == ["a", "b"]
    assert numbers.measurements("tpu") == {}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "truncated": truncate,
    "emptied": lambda path: path.write_bytes(b""),
    "one bit": flip,
    "deleted": Path.unlink,
    "replaced": lambda path: path.write_text('{"a": 1}'),
}


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
    store.numbers.add_metrics(numbers(one, psnr=3.0))
    DAMAGE[how](store.numbers.metrics_path(one.key, one.case.digest))
    assert store.numbers.metrics(one.key, one.case.digest).values == {}
    store.numbers.add_metrics(numbers(one, psnr=3.0))
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
        "import test_store as t\n"
        "from ids.run import Store\n"
        "pathlib.Path.rename = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"store = Store(pathlib.Path({str(tmp_path)!r}))\n"
        "for _ in store.claims.batches([t.job()], 1, lambda j: j.key, lambda j: False):\n"
        "    store.put(t.job(), t.edited(), {}, {})\n"
    )
    here = str(Path(__file__).parent)
    killed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here,
        env=os.environ | {"PYTHONPATH": f"{here}:{Path(here).parents[1]}"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.look(job().key).status is None
    assert list(tmp_path.glob("partial/*/*"))
    store.sweep()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert store.put(job(), edited(), {}, {})


def test_the_key_ignores_order_and_names_and_nothing_else() -> None:
    base = job(method={"a": 1, "b": 2}, weights="x")
    assert base.key == job(method={"b": 2, "a": 1}, weights="x").key
    others = [
        job(method={"a": 1, "b": 3}, weights="x"),
        job(method={"a": 1, "b": 2}, weights="y"),
        job(seed=1, method={"a": 1, "b": 2}, weights="x"),
        job(method={"a": 1, "b": 2}, case=Shapes(count=2)[1], weights="x"),
    ]
    assert len({base.key, *(other.key for other in others)}) == 5


def test_a_representation_is_in_the_key_and_latents_are_none() -> None:
    base = job().setting
    assert replace(base, representation={}).key == base.key
    scene = replace(base, representation={"name": "nerf", "resolution": "64"})
    assert scene.key != base.key
    assert scene.backbone_key == base.backbone_key  # a source has one latent
    assert replace(job(), setting=scene).record("ok").representation == scene.representation


def test_three_and_three_point_zero_make_one_key() -> None:
    """A user may write either; Hydra hands on what was written."""
    whole, real = ({"g": 3, "list": [1, {"x": 2}]}, {"g": 3.0, "list": [1.0, {"x": 2.0}]})
    assert job(method=normalize_numbers(whole)).key == job(method=normalize_numbers(real)).key
    assert normalize_numbers({"g": 7.5, "flag": True, "name": "3.0"}) == {
        "g": 7.5,
        "flag": True,
        "name": "3.0",
    }
    assert normalize_numbers(True) is True


def test_states_of_other_steps_replace_numbers_along(tmp_path: Path) -> None:
    one, found = job(), Store(tmp_path).numbers
    record = MetricsRecord(key=one.key, case="c", steps=[0, 20], along={"psnr@1": [1.0, None]})
    found.add_metrics(record)
    found.add_metrics(msgspec.structs.replace(record, along={"ssim@1": [0.1, 0.2]}))
    assert set(found.metrics(one.key, "c").along) == {"psnr@1", "ssim@1"}
    found.add_metrics(msgspec.structs.replace(record, steps=[0, 5], along={"ssim@1": [0.1, 0.2]}))
    assert set(found.metrics(one.key, "c").along) == {"ssim@1"}


def test_a_record_is_readable_json_with_its_schema(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    fields = msgspec.json.decode((store.folder(one.key) / "job.json").read_bytes())
    assert fields["schema_version"] == SCHEMA_VERSION
    assert (fields["prompt_src"], fields["prompt_trg"]) == (CASE.prompt_src, CASE.prompt_trg)
    assert not {"dataset", "case", "tags"} & set(fields)  # labels, and no part of a result
    assert set(EditRecord.__struct_fields__) == set(fields) - {"sha256"}


def test_a_file_written_in_part_is_an_error(tmp_path: Path) -> None:
    """As on a full disk: there is no result."""
    program = (
        "import resource, signal, pathlib\n"
        "import test_store as t\n"
        "from ids.run import Store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        f"Store(pathlib.Path({str(tmp_path)!r})).put(t.job(), t.edited(), {{}}, {{}})\n"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here,
        env=os.environ | {"PYTHONPATH": f"{here}:{here.parents[1]}"},
        capture_output=True,
        text=True,
        check=False,
    )
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


def test_a_result_is_removed_unless_it_is_in_use(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    with store.claims.held(one.key):
        assert not store.remove(one.key)
    assert store.look(one.key).status == "ok"
    assert store.remove(one.key)
    assert store.look(one.key).status is None
