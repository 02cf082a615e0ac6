"""A result is complete or absent, and the first complete one is kept."""

from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from store_content import CASE, edited, job, metrics_of

from ids.core.records import Measurement
from ids.run import Store
from ids.run.records import EditRecord, MetricsRecord
from ids.run.sealed import SCHEMA_VERSION


def test_a_stored_result_is_read_back(tmp_path: Path) -> None:
    store, one, edit = Store(tmp_path), job(), edited()
    assert store.look(one.key).status is None
    trace = {"t": torch.tensor([3, 4]), "fpr_residual": torch.rand(2, 3)}
    states = {100: edit.z_trg, 0: edit.z_trg + 1, 20: edit.z_trg + 2}
    assert store.put(one, edit, trace, states)
    assert store.look(one.key, content=True).status == "ok"
    assert torch.equal(store.z_trg(one.key)[0], edit.z_trg)
    assert (store.image(one.key) - edit.image).abs().max() <= 0.5 / 255 + 1e-6
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
    store.numbers.add_metrics(metrics_of(one, psnr=3.0))
    store.numbers.add_metrics(metrics_of(one, ssim=0.5))
    store.numbers.add_metrics(metrics_of(other, psnr=7.0))
    found = store.numbers.metrics(one.key, one.case.digest).values
    assert {name: v.value for name, v in found.items()} == {"psnr@1": 3.0, "ssim@1": 0.5}
    found = store.numbers.metrics(other.key, other.case.digest).values
    assert {name: v.value for name, v in found.items()} == {"psnr@1": 7.0}


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


def test_a_result_is_removed_unless_it_is_in_use(tmp_path: Path) -> None:
    store, one = Store(tmp_path), job()
    store.put(one, edited(), {}, {})
    with store.claims.held(one.key):
        assert not store.remove(one.key)
    assert store.look(one.key).status == "ok"
    assert store.remove(one.key)
    assert store.look(one.key).status is None
