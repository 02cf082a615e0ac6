"""Edits and numbers in memory are those of a run; backbones and networks are loaded once."""

import gc
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from conftest import Silent
from torch import Tensor

from ids.backbones import Gaussian
from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.capabilities import PosteriorSchedule
from ids.core.edit import EditContext, Subject
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone, Models
from ids.core.records import Trace
from ids.data import Shapes
from ids.metrics import PSNR
from ids.run import Engine, Experiment, Session
from ids.run.edit import BatchEditor
from ids.run.evaluate import metric_key
from ids.run.in_memory import with_images
from ids.run.judge import judge_edits
from ids.run.records import MetricValue
from ids.run.session import LoadedModels

CPU = torch.device("cpu")
WORDS = ["debug=fast", "method=ids", "method.n_steps=4", "keep_every=2", "controls=none"]


def experiment(folder: Path, *words: str) -> Experiment:
    (setting,) = compose_all([*WORDS, f"output_dir={folder}", "logger=files", *words])
    return build_experiment(setting)


def test_an_edit_in_memory_is_bitwise_the_stored_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = experiment(tmp_path / "out", "limit=3", "seeds=[5]")
    outcomes = run.run(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    world = Session(run.session.engine).backbone(run.backbone)
    cases = [with_images(outcome.job.case) for outcome in outcomes]
    batch = BatchEditor(run.method.editor, world, CPU, keep_every=2)(cases, [5] * 3, Silent())
    metrics = {metric_key(metric): metric for metric in run.metrics.values()}
    judged = judge_edits(batch.edits, metrics, LoadedModels(CPU), world.decode)
    for outcome, edit, numbers in zip(outcomes, batch.edits, judged, strict=True):
        key = outcome.job.key
        assert torch.equal(run.store.z_trg(key)[0], edit.edited.z_trg)
        assert list(run.store.states(key)) == list(edit.states) == [0, 2, 4]
        for step, z in run.store.states(key).items():
            assert torch.equal(z, edit.states[step])
        for name, curve in run.store.trace(key).curves.items():
            assert torch.equal(curve, edit.curves[name])
        stored = run.store.numbers.metrics(key, outcome.job.case.digest)
        assert (stored.values, stored.along) == (numbers.values, numbers.along)
    taken = run.store.numbers.measurements()[outcomes[0].job.key]
    assert (taken.forwards, taken.backwards) == (
        batch.measurement.forwards,
        batch.measurement.backwards,
    )
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written


@dataclass
class Hungry:
    """Takes more memory than the device has, after it has allocated some."""

    uses_seed = True
    uses_prompts = True
    anytime = True
    n_ticks = 1
    allocated: list["weakref.ref[Tensor]"] = field(default_factory=list)

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        activations = torch.zeros(1000)
        self.allocated += [weakref.ref(activations), weakref.ref(subject.z_trg)]
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_after_out_of_memory_nothing_is_held() -> None:
    """The error is kept until the end of a sweep, and must keep no tensor alive."""
    editor = Hungry()
    edit = BatchEditor(editor, Gaussian().load(CPU), CPU)
    with pytest.raises(ConfigError, match=r"out of memory with 2 edits .*batch_size=1") as caught:
        edit([Shapes()[0], Shapes()[1]], [0, 0], Silent())
    gc.collect()
    assert [reference() for reference in editor.allocated] == [None, None]
    assert caught.value.__context__ is None


@dataclass
class CountingSource:
    """A backbone source that counts how often it is loaded."""

    loads: int = 0
    gives = frozenset({PosteriorSchedule})

    def identity(self) -> dict[str, str]:
        return {}

    def load(self, device: torch.device) -> Backbone:
        self.loads += 1
        return Gaussian().load(device)

    def __hash__(self) -> int:
        return id(self)


def test_a_session_keeps_one_backbone_and_every_judging_network() -> None:
    session, one, two = Session(Engine("cpu")), CountingSource(), CountingSource(1)
    first = session.backbone(one)
    assert session.with_engine(Engine("cpu", batch_size=2)).backbone(one) is first
    session.backbone(two)
    assert len(session._backbone) == 1
    session.backbone(one)
    assert (one.loads, two.loads) == (2, 2)
    models = session.models
    assert isinstance(models, Models)
    assert models.device == CPU
    network = models.get(("clip", "a"), object)
    assert session.with_engine(Engine("cpu", batch_size=2)).models.get(("clip", "a"), object) is (
        network
    )
    assert models.get(("clip", "b"), object) is not network
    assert Session(Engine("cpu")).models.get(("clip", "a"), object) is not network


@dataclass(frozen=True, eq=False)
class InMemory:
    """The source of a backbone that is loaded already."""

    backbone: Backbone
    gives = frozenset({PosteriorSchedule})

    def identity(self) -> dict[str, str]:
        return {"weights": "digest-of-its-parameters"}

    def load(self, device: torch.device) -> Backbone:
        return self.backbone


def test_an_experiment_runs_on_a_backbone_in_memory(tmp_path: Path) -> None:
    """A source may compare by identity: its tensors have no truth value."""
    source = InMemory(Gaussian().load(CPU))
    run = replace(experiment(tmp_path, "limit=2"), backbone=source, backbone_name="my world")
    outcomes = run.run(tmp_path / "run")
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    assert run.session.backbone(source) is source.backbone
    record = run.store.look(outcomes[0].job.key).record
    assert record is not None
    assert (record.backbone_name, record.backbone) == ("my world", source.identity())
    replace(run, session=Session(run.session.engine)).run(tmp_path / "again")
    assert run.store.look(outcomes[0].job.key).record == record


def test_numbers_are_stored_with_what_tables_need(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Titled(PSNR):
        title = "PSNR"
        digits = 2

    edit = BatchEditor(experiment(tmp_path).method.editor, Gaussian().load(CPU), CPU)
    batch = edit([with_images(Shapes(size=32)[0])], [0], Silent())
    metrics = {"psnr@1": Titled(), "psnr@1:weights-1": Titled()}
    (judged,) = judge_edits(batch.edits, metrics, LoadedModels(CPU), edit.backbone.decode)
    value = judged.values["psnr@1"].value
    assert judged.values == {
        "psnr@1": MetricValue(value, "dB", True, title="PSNR", digits=2),
        "psnr@1:weights-1": MetricValue(value, "dB", True, "PSNR", 2, weights="weights-1"),
    }
    assert judged.along == {}
