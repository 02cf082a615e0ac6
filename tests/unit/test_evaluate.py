"""Evaluation of finished edits and of their states: each number is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import Silent

from ids.backbones import Gaussian, GaussianWorld
from ids.core.protocols import Metric, Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Images, Latent
from ids.data.shapes import Shapes
from ids.diffusion.timesteps import Uniform
from ids.editing import DistillationEditor
from ids.methods import DDS
from ids.metrics import PSNR, LatentDistance
from ids.run import judge as judge_module
from ids.run.code import revisions
from ids.run.edit import BatchEditor
from ids.run.engine import Engine
from ids.run.evaluate import Evaluation, metric_columns, metric_key
from ids.run.execute import Executor
from ids.run.job import Job, Setting, plan
from ids.run.records import MetricsRecord
from ids.run.session import LoadedModels
from ids.run.store import Store


def editor(n_steps: int) -> DistillationEditor:
    optimizer = partial(torch.optim.SGD, lr=0.1)
    return DistillationEditor(DDS(), Uniform(50, 949), optimizer, n_steps)


@dataclass
class Decoder:
    """Counts the latents it decodes."""

    world: GaussianWorld
    rows: int = 0

    def __call__(self, z: Latent) -> Images:
        self.rows += len(z)
        return self.world.decode(z)


@dataclass
class Counted:
    """A metric that records the cases it is computed for."""

    name: str = "counted"
    title: str = "counted"
    revision: int = 1
    unit: str = ""
    digits: int = 3
    higher_is_better: bool = True
    min_side: int = 1
    network: str = "some-network"
    judged: list[str] = field(default_factory=list, repr=False)

    def weights_id(self) -> str:
        return self.network

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        first = len(self.judged) + 1
        self.judged += [case.id for case in cases]
        return [float(first + index) for index in range(len(cases))]


@pytest.fixture
def done(tmp_path: Path) -> tuple[Store, list[Job], Decoder]:
    """Two edits of five steps, states kept every other step."""
    world = Gaussian().load(torch.device("cpu"))
    store, method = Store(tmp_path), editor(5)
    setting = Setting("dds", {"n_steps": 5}, "gaussian", {"weights": "none"}, revisions(method))
    jobs = plan(setting, method, [Shapes(size=32)[i] for i in range(2)], [0])
    cpu = torch.device("cpu")
    batches = BatchEditor(method, world, cpu, 2)
    executor = Executor(batches, Engine(batch_size=2), store, lambda _: False)
    assert [o.status for batch in executor(jobs, lambda _: Silent()) for o in batch] == ["ok", "ok"]
    return store, jobs, Decoder(world)


def evaluation(store: Store, decode: Decoder, *metrics: Metric) -> Evaluation:
    def encode(case: EditCase) -> Latent:
        return decode.world.encode(case.source.load().unsqueeze(0))

    models = LoadedModels(torch.device("cpu"))
    return Evaluation({metric_key(m): m for m in metrics}, models, store, decode, encode)


def found(store: Store, job: Job) -> MetricsRecord:
    return store.numbers.metrics(job.key, job.case.digest)


def test_the_last_state_reads_as_the_finished_edit(
    done: tuple[Store, list[Job], Decoder],
) -> None:
    store, jobs, decode = done
    evaluation(store, decode, PSNR(), LatentDistance())(jobs)
    for job in jobs:
        record = found(store, job)
        assert record.steps == [0, 2, 4, 5]
        for key in ("psnr@2", "latent_distance@1"):
            assert record.along[key][-1] == record.values[key].value
        assert record.along["latent_distance@1"][0] == 0
        last = store.states(job.key)[5]
        assert torch.equal(last, store.z_trg(job.key)[0])


def test_a_new_metric_decodes_again_and_an_old_one_is_not_computed_again(
    done: tuple[Store, list[Job], Decoder],
) -> None:
    store, jobs, decode = done
    first, second = Counted(), Counted("second", network="")
    evaluation(store, decode, first)(jobs)
    assert (decode.rows, len(first.judged)) == (6, 8)  # three states and the finished edit, twice
    evaluation(store, decode, first, second)(jobs)
    assert (decode.rows, len(first.judged), len(second.judged)) == (12, 8, 8)
    evaluation(store, decode, first, second)(jobs)
    assert decode.rows == 12
    assert set(found(store, jobs[0]).along) == {metric_key(first), metric_key(second)}


def test_another_network_is_another_number(done: tuple[Store, list[Job], Decoder]) -> None:
    store, jobs, decode = done
    metrics = [Counted(network="a"), Counted(network="b"), Counted(network="b", min_side=2)]
    for metric in metrics:
        evaluation(store, decode, metric)(jobs)
    keys = [metric_key(metric) for metric in metrics]
    assert set(keys) == set(found(store, jobs[0]).values)
    assert [key.split(" ")[0] for key in keys] == ["counted@1:a", "counted@1:b", "counted@1:b"]


def test_code_from_outside_has_a_column_of_its_own_until_the_revision_is_raised() -> None:
    one, other, raised = ("tv@1:code-1", "tv@1:code-2", "tv@2:code-2")
    assert metric_columns([[one], [other]]) == {one: "tv | code-1", other: "tv | code-2"}
    assert metric_columns([[one], [other, raised]]) == {raised: "tv"}
    assert metric_columns([["n@1:w code-1", "n@2:w code-2"]]) == {"n@2:w code-2": "n"}


def test_a_corrected_mask_gives_new_numbers_of_the_edit(
    done: tuple[Store, list[Job], Decoder],
) -> None:
    store, jobs, decode = done
    metric = PSNR(region="background")
    evaluation(store, decode, metric)(jobs)
    corrected = replace(jobs[0], case=replace(jobs[0].case, mask=jobs[1].case.mask))
    assert corrected.key == jobs[0].key
    evaluation(store, decode, metric)([corrected])
    before, after = found(store, jobs[0]), found(store, corrected)
    assert before.values["psnr_background@2"] != after.values["psnr_background@2"]


def test_numbers_in_memory_and_from_the_store_are_equal(tmp_path: Path) -> None:
    world = Gaussian().load(torch.device("cpu"))
    method = editor(5)
    setting = Setting("dds", {"n_steps": 5}, "gaussian", {"weights": "none"}, revisions(method))
    jobs = plan(setting, method, [Shapes(size=32)[i] for i in range(2)], [0])
    records = []
    for name in ("in memory", "stored"):
        store, decode = Store(tmp_path / name), Decoder(world)
        judge = evaluation(store, decode, PSNR(), LatentDistance())
        cpu = torch.device("cpu")
        batches = BatchEditor(method, world, cpu, 2)
        run = Executor(batches, Engine(batch_size=2), store, lambda _: False)
        for outcomes in run(jobs, lambda _: Silent()):
            if name == "in memory":
                judge.judge([(o.job, o.edit) for o in outcomes if o.edit])
        judge(jobs)
        records.append([found(store, job) for job in jobs])
    assert records[0] == records[1]


def test_metrics_get_whole_batches_and_never_too_many_images(
    done: tuple[Store, list[Job], Decoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, jobs, decode = done
    batches: list[list[str]] = []

    def values(
        _: Metric, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        batches.append([case.id for case in cases])
        return [0.0 for _ in edits]

    for metric in (PSNR, LatentDistance):
        monkeypatch.setattr(metric, "__call__", values)
    evaluation(store, decode, PSNR())(jobs)
    first, second = (job.case.id for job in jobs)
    assert batches == [[first, second], [first] * 3 + [second] * 3]  # finished edits, states
    batches.clear()
    monkeypatch.setattr(judge_module, "IMAGES_AT_ONCE", 4)
    evaluation(store, decode, LatentDistance())(jobs)
    assert [len(batch) for batch in batches] == [2, 4, 2]


def test_states_of_two_shapes_are_judged_in_one_batch(tmp_path: Path) -> None:
    world, method, store = Gaussian().load(torch.device("cpu")), editor(4), Store(tmp_path)
    cases = [Shapes(size=side)[i] for i, side in enumerate((32, 16, 32))]
    jobs = plan(Setting("dds", {}, "gaussian", {}, {}), method, cases, [0])
    batches = BatchEditor(method, world, torch.device("cpu"), 2)
    judge = evaluation(store, Decoder(world), PSNR(), LatentDistance())
    for outcomes in Executor(batches, Engine(batch_size=3), store, lambda _: False)(
        jobs, lambda _: Silent()
    ):
        judge.judge([(o.job, o.edit) for o in outcomes if o.edit])
    for job in jobs:
        numbers = found(store, job)
        assert numbers.along["latent_distance@1"][0] == 0
        assert numbers.along["psnr@2"][-1] == numbers.values["psnr@2"].value


def test_an_image_that_is_too_small_has_no_number(tmp_path: Path) -> None:
    @dataclass
    class Large(Counted):
        min_side: int = 32

    world, method, store = Gaussian().load(torch.device("cpu")), editor(2), Store(tmp_path)
    cases = [Shapes(size=side)[i] for i, side in enumerate((32, 16, 32))]
    jobs = plan(Setting("dds", {}, "gaussian", {}, {}), method, cases, [0])
    batches = BatchEditor(method, world, torch.device("cpu"))
    run = Executor(batches, Engine(batch_size=3), store, lambda _: False)
    assert len(list(run(jobs, lambda _: Silent()))) == 1
    metric = Large()
    evaluation(store, Decoder(world), metric)(jobs)
    values = [found(store, job).values[metric_key(metric)].value for job in jobs]
    assert values == [1.0, None, 2.0]
    assert metric.judged == [cases[0].id, cases[2].id]


def test_a_lost_source_is_encoded_again(done: tuple[Store, list[Job], Decoder]) -> None:
    store, jobs, decode = done
    for path in (store.root / "sources").glob("*/*"):
        path.unlink()
    evaluation(store, decode, LatentDistance())(jobs)
    assert found(store, jobs[0]).along["latent_distance@1"][0] == 0
