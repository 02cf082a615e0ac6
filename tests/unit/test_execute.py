"""Batches: a row that fails, fails alone, with a message that names the remedy."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import Silent
from pixels import PixelSpace
from torch import Tensor

from ids.backbones import Gaussian, GaussianWorld
from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.errors import ConfigError, DataError
from ids.core.prompt import Prompt
from ids.core.records import Trace
from ids.data import Shapes
from ids.diffusion.timesteps import Uniform
from ids.editing import DistillationEditor, NullEdit
from ids.methods import DDS, SDEdit
from ids.run import Engine, Job, Session, Setting, Store
from ids.run.edit import BatchEditor
from ids.run.execute import Executor
from ids.run.job import plan
from ids.run.memory import rows_that_fit, rows_within

CPU = torch.device("cpu")


def never(_: Job) -> bool:
    """No job is done yet."""
    return False


def test_seeds_share_a_batch(tmp_path: Path) -> None:
    """Three seeds of two cases are one batch of six; each draws as it would alone."""
    optimizer = partial(torch.optim.SGD, lr=0.1)
    editor = DistillationEditor(DDS(), Uniform(50, 949), optimizer, n_steps=3)
    setting = Setting("dds", {}, "gaussian", {}, {})
    jobs = plan(setting, editor, [Shapes(size=32)[i] for i in range(2)], [0, 1, 2])
    found = []
    for size in (6, 1):
        store = Store(tmp_path / str(size))
        world = Gaussian().load(CPU)
        executor = Executor(
            BatchEditor(editor, world, CPU, 10), Engine(batch_size=size), store, never
        )
        batches = [len(outcomes) for outcomes in executor(jobs, lambda _: Silent())]
        assert batches == [size] * (6 // size)
        found.append([store.z_trg(job.key) for job in jobs])
    for together, alone in zip(*found, strict=True):
        assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(found[0][0], found[0][1], atol=1e-3)


@dataclass(frozen=True)
class Hungry:
    """Takes more memory than the device has."""

    uses_seed = True
    uses_prompts = True
    anytime = True
    n_ticks = 1

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


@dataclass(frozen=True)
class Poisoned:
    """Gives NaN for every second row."""

    uses_seed = True
    uses_prompts = True
    anytime = True
    n_ticks = 1

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        with torch.no_grad():
            require(subject, LatentSubject).z_trg[::2] = float("nan")
        return Trace()


def executor(editor: object, folder: Path) -> Executor:
    backbone = Gaussian().load(CPU)
    batches = BatchEditor(editor, backbone, CPU)  # type: ignore[arg-type]
    return Executor(batches, Engine(batch_size=4), Store(folder), never)


def jobs(count: int) -> list[Job]:
    setting = Setting("x", {}, "gaussian", {}, {})
    dataset = Shapes("dev", count)
    return [Job(setting, dataset[i], 0, None) for i in range(count)]


def test_out_of_memory_with_one_edit_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"with 1 edits at a time; .*smaller dataset\.size"):
        list(executor(Hungry(), tmp_path)(jobs(4), lambda _: Silent()))
    assert not list(Store(tmp_path).all_keys())


@dataclass(frozen=True)
class Capacity:
    """An editor on a device with memory for `rows` edits. Raises for the cases in `bad`."""

    rows: int = 99
    bad: tuple[str, ...] = ()
    kind: type[Exception] = TypeError
    uses_seed = True
    uses_prompts = True
    anytime = True
    n_ticks = 1
    tried: list[int] = field(default_factory=list)

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        self.tried.append(len(subject.cases))
        if len(subject.cases) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        if any(case.id in self.bad for case in subject.cases):
            raise self.kind("no such thing")
        return Trace()


def test_a_batch_too_large_for_memory_is_halved(tmp_path: Path) -> None:
    editor = Capacity(rows=1)
    run = executor(editor, tmp_path)
    outcomes = [one for batch in run(jobs(8), lambda _: Silent()) for one in batch]
    assert [one.status for one in outcomes] == ["ok"] * 8
    assert editor.tried == [4, 2, 1, 1, 1, 1, 1, 1, 1, 1]  # the size that fits is remembered
    taken = Store(tmp_path).numbers.measurements()
    assert {record.engine["batch_size"] for record in taken.values()} == {1}


@pytest.mark.parametrize("kind", [TypeError, DataError])
def test_a_row_that_raises_fails_alone(tmp_path: Path, kind: type[Exception]) -> None:
    bad = jobs(8)[5].case.id
    run = replace(executor(Capacity(bad=(bad,), kind=kind), tmp_path), folder=tmp_path / "run")
    outcomes = [one for batch in run(jobs(8), lambda _: Silent()) for one in batch]
    failed = [one for one in outcomes if one.status == "failed"]
    assert [one.job.case.id for one in failed] == [bad]
    assert "no such thing" in failed[0].reason
    if kind is TypeError:
        assert "no such thing" in (tmp_path / "run" / "traceback.txt").read_text()
        assert str(tmp_path / "run" / "traceback.txt") in failed[0].reason
    statuses = [Store(tmp_path).look(key).status for key in Store(tmp_path).all_keys()]
    assert sorted(map(str, statuses)) == ["failed", *["ok"] * 7]


def test_an_error_of_every_row_is_one_of_the_setting(tmp_path: Path) -> None:
    """No row is recorded for it: the command is given again once the code is corrected."""
    everyone = tuple(job.case.id for job in jobs(8))
    for size in (4, 1):
        run = replace(executor(Capacity(bad=everyone), tmp_path), engine=Engine(batch_size=size))
        with pytest.raises(TypeError, match="no such thing"):
            list(run(jobs(8), lambda _: Silent()))
        assert not list(Store(tmp_path).all_keys())


@dataclass(frozen=True)
class CountedWorld:
    """The exact world; notes whether its passes have a gradient, with a single prompt each."""

    world: GaussianWorld
    passes: list[bool]

    def __getattr__(self, name: str) -> object:
        return getattr(self.world, name)

    def eps(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        self.passes.append(z_t.requires_grad and torch.is_grad_enabled())
        return self.world.eps(z_t, y, t)


def test_a_session_warms_a_backbone_up_once(tmp_path: Path) -> None:
    """Not once per setting, and not for the controls, which make no network pass."""
    passes: list[bool] = []
    counted = CountedWorld(Gaussian().load(CPU), passes)
    session, source = Session(Engine("cpu")), Gaussian()
    optimizer = partial(torch.optim.SGD, lr=0.1)
    dds = DistillationEditor(DDS(), Uniform(50, 949), optimizer, n_steps=1)
    for number, editor in enumerate((NullEdit(), dds, dds)):
        run = executor(editor, tmp_path / str(number))
        edit = replace(run.edit, backbone=counted)  # type: ignore[arg-type]
        run = replace(run, edit=edit, warm=session.with_engine(Engine("cpu")).warm(source))
        list(run(jobs(4), lambda _: Silent()))
        assert sum(passes) == (number > 0)  # the warm-up alone has a gradient
    assert not session.warm(Gaussian(spread=0.3))


def test_an_automatic_batch_grows_to_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the peak of the first batch; after too little memory it never grows again."""
    monkeypatch.setattr("ids.run.execute.rows_that_fit", lambda *_: 12)
    monkeypatch.setattr("ids.run.engine.Engine.most_at_once", lambda *_: 64)
    for rows, tried in ((64, [8, 12, 4]), (9, [8, 12, 6, 6, 4])):
        editor = Capacity(rows=rows)
        run = replace(executor(editor, tmp_path / str(rows)), engine=Engine("cpu"))
        outcomes = [one for batch in run(jobs(24), lambda _: Silent()) for one in batch]
        assert [one.status for one in outcomes] == ["ok"] * 24
        assert editor.tried == tried


def test_rows_within_free_memory() -> None:
    assert rows_within(room=100.0, taken=40.0, rows=8, most=64) == 17  # 5 each of 85
    assert rows_within(room=100.0, taken=40.0, rows=8, most=12) == 12
    assert rows_within(room=1.0, taken=40.0, rows=8, most=64) == 1
    assert rows_that_fit(CPU, float("nan"), 8, 8) == 8


def test_rows_of_nan_fail_alone(tmp_path: Path) -> None:
    (outcomes,) = executor(Poisoned(), tmp_path)(jobs(4), lambda _: Silent())
    assert [o.status for o in outcomes] == ["failed", "ok", "failed", "ok"]
    assert "NaN or infinity" in outcomes[0].reason
    store = Store(tmp_path)
    found = sorted(str(store.look(key).status) for key in store.all_keys())
    assert found == ["failed", "failed", "ok", "ok"]
    assert len(list(tmp_path.rglob("edit.png"))) == 2


def test_photos_of_two_shapes_share_a_batch(tmp_path: Path) -> None:
    """Latents of one shape are edited side by side; the others take their turn."""
    optimizer = partial(torch.optim.SGD, lr=0.1)
    editor = DistillationEditor(DDS(), Uniform(50, 949), optimizer, n_steps=2)
    setting = Setting("dds", {}, "gaussian", {}, {})
    cases = [Shapes(size=side)[i] for i, side in enumerate((32, 16, 32, 16))]
    run = executor(editor, tmp_path)
    (outcomes,) = run(plan(setting, editor, cases, [0]), lambda _: Silent())
    assert [outcome.status for outcome in outcomes] == ["ok"] * 4
    found = {o.job.case.id: Store(tmp_path).z_trg(o.job.key).shape[-1] for o in outcomes}
    assert sorted(found.values()) == [16, 16, 32, 32]


def test_another_representation_is_edited_and_stored(tmp_path: Path) -> None:
    """Nothing below the representation knows that it is not latents of images."""
    editor = DistillationEditor(DDS(), Uniform(50, 949), partial(torch.optim.SGD, lr=0.1), 2)
    jobs = plan(Setting("dds", {}, "gaussian", {}, {}), editor, [Shapes(size=16)[0]], [0])
    run = executor(editor, tmp_path)
    run = replace(run, edit=replace(run.edit, representation=PixelSpace()))
    ((outcome,),) = run(jobs, lambda _: Silent())
    assert (outcome.status, outcome.reason) == ("ok", "")
    assert outcome.edit is not None
    assert outcome.edit.edited.image.shape == (3, 16, 16)
    sampled = replace(run, edit=replace(run.edit, editor=SDEdit()), store=Store(tmp_path / "2"))
    ((refused,),) = sampled(jobs, lambda _: Silent())
    assert refused.status == "unsupported"
    assert "Pixels: expected one that gives latents to write" in refused.reason
