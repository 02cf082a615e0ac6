"""A result is whole or absent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ids.core.records import EditCase, Edited, Measurement
from ids.data import Shapes
from ids.run import Job, Setting, Store
from ids.run.job import spelt

CASE = Shapes(count=1)[0]


def job(
    seed: int | None = 0,
    method: dict[str, object] | None = None,
    case: EditCase = CASE,
    **backbone: str,
) -> Job:
    asked = method or {"_target_": "ids.editing.X", "n_steps": 3}
    setting = Setting("dds", asked, "tiny", backbone, {"DDS": 1})
    return Job(setting, case, "shapes", seed, (case.prompt_src, case.prompt_trg))


def edited() -> Edited:
    return Edited(torch.rand(3, 8, 8), torch.zeros(4, 2, 2), torch.ones(4, 2, 2))


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    store, one, made = Store(tmp_path), job(), edited()
    assert store.status(one.key) is None
    trace = {"t": torch.tensor([3, 4]), "fpr_residual": torch.rand(2, 3)}
    store.put(one, made, trace, {}, {"python": "3"})
    back = store.edited(one.key)
    assert store.status(one.key) == "ok"
    assert torch.equal(back.z_trg, made.z_trg)
    assert (back.image - made.image).abs().max() <= 0.5 / 255 + 1e-6
    assert store.trace(one.key).curves["fpr_residual"].shape == (2, 3)
    store.add_metrics(one.key, {"psnr@1": 3.0})
    store.add_metrics(one.key, {"ssim@1": 0.5})
    assert store.record(one.key).metrics == {"psnr@1": 3.0, "ssim@1": 0.5}


def test_measurements_are_kept_apart_by_engine(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    taken = Measurement(1.0, 2.0, 3.0, 4.0, 5, "x")
    store.put_measurement(one.key, "cpu", {"device": "x"}, taken)
    store.put_measurement(one.key, "gpu", {"device": "y"}, taken)
    found = store.measurement(one.key, "cpu")
    assert found is not None
    assert found["engine"] == {"device": "x"}
    assert store.measurement(one.key, "tpu") is None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ids.run.store.save_file", full)
    with pytest.raises(OSError, match="No space"):
        store.put(job(), edited(), {}, {}, {})
    assert store.status(job().key) is None
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_killed_between_write_and_rename(tmp_path: Path) -> None:
    program = (
        "import os, signal, pathlib\n"
        "import test_store as t\n"
        "from ids.run import Store\n"
        "pathlib.Path.rename = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"Store(pathlib.Path({str(tmp_path)!r})).put(t.job(), t.edited(), {{}}, {{}}, {{}})\n"
    )
    here = str(Path(__file__).parent)
    killed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here,
        env=os.environ | {"PYTHONPATH": here},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.status(job().key) is None
    assert list(store.records()) == []
    store.put(job(), edited(), {}, {}, {})
    assert store.status(job().key) == "ok"


def test_the_key_ignores_order_and_names_and_knows_everything_else() -> None:
    base = job(method={"a": 1, "b": 2}, weights="x")
    assert base.key == job(method={"b": 2, "a": 1}, weights="x").key
    others = [
        job(method={"a": 1, "b": 3}, weights="x"),
        job(method={"a": 1, "b": 2}, weights="y"),
        job(seed=1, method={"a": 1, "b": 2}, weights="x"),
        job(method={"a": 1, "b": 2}, case=Shapes(count=2)[1], weights="x"),
    ]
    assert len({base.key, *(other.key for other in others)}) == 5


def test_three_and_three_point_zero_ask_for_the_same() -> None:
    """A user may write either; Hydra hands on what was written."""
    whole, real = ({"g": 3, "list": [1, {"x": 2}]}, {"g": 3.0, "list": [1.0, {"x": 2.0}]})
    assert job(method=spelt(whole)).key == job(method=spelt(real)).key
    assert spelt({"g": 7.5, "flag": True, "name": "3.0"}) == {"g": 7.5, "flag": True, "name": "3.0"}
    assert spelt(True) is True


def test_states_come_back_in_the_order_of_their_steps(tmp_path: Path) -> None:
    store, z = Store(tmp_path), torch.randn(4, 2, 3)
    store.put(job(), edited(), {}, {100: z, 0: z + 1, 20: z + 2}, {})
    found = store.states(job().key)
    assert list(found) == [0, 20, 100]
    assert torch.equal(found[100], z)
    store.add_along(job().key, {"step": [0.0, 20.0, 100.0], "psnr@1": [1.0, float("nan"), 3.0]})
    store.add_along(job().key, {"ssim@1": [0.1, 0.2, 0.3]})
    along = store.along(job().key)
    assert set(along) == {"step", "psnr@1", "ssim@1"}
    assert along["psnr@1"][1] != along["psnr@1"][1]
