"""Stored results as frames: missing numbers are nan."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs

from ids.core.numbers import Number
from ids.core.records import Edited
from ids.core.rows import RowSelection
from ids.data import Shapes
from ids.results.catalog import Entry, ResultGroup, read_catalog
from ids.results.columns import columns_in
from ids.results.frames import curve_frame, frame
from ids.results.omissions import Reason, reasons_of
from ids.run import Job, Setting, Store
from ids.run.manifest import Manifests, row_of, survey
from ids.run.records import MeasurementRecord, MetricsRecord, MetricValue

CASES = Shapes(count=3)


@pytest.fixture
def group(tmp_path: Path) -> tuple[Store, ResultGroup]:
    """Three edits: a metric that is never defined, one of a single case, one of all."""
    store = Store(tmp_path)
    setting = Setting("dds", {"n_steps": 2}, "tiny", {}, {})
    z = torch.zeros(1, 2, 2)
    Manifests(tmp_path / "datasets", store.claims, store.numbers).add(survey(CASES, RowSelection()))
    for index in range(3):
        case = CASES[index]
        job = Job(setting, case, 0, (case.prompt_src, case.prompt_trg))
        store.put(job, Edited(torch.zeros(3, 8, 8), z, z), {}, {})
        found: dict[str, float | None] = {"never@1": None, "always@1": float(index)}
        found |= {"once@1": 7.0} if index == 1 else {}
        store.numbers.add_metrics(
            MetricsRecord(
                key=job.key,
                case=case.digest,
                values={k: MetricValue(v, "", True) for k, v in found.items()},
                steps=[0, 2],
                along={k: [v, v] for k, v in found.items()},
            )
        )
    (only_group,) = read_catalog(store).groups
    return store, only_group


@pytest.mark.parametrize("make", [frame, curve_frame])
def test_columns_are_numbers_with_nan_where_nothing_is_known(
    group: tuple[Store, ResultGroup], make: object
) -> None:
    store, found = group
    data = make(found.entries, store)  # type: ignore[operator]
    lines = 1 if make is frame else 2
    assert len(data) == 3 * lines
    assert [str(data[name].dtype) for name in ("never", "once", "always")] == ["float64"] * 3
    assert data["never"].isna().all()
    assert data["once"].notna().sum() == lines
    assert sorted(data["always"]) == sorted([0.0, 1.0, 2.0] * lines)
    assert data["nfe"].isna().all()  # not measured


def test_undefined_metrics_are_named_and_others_were_never_computed(
    group: tuple[Store, ResultGroup],
) -> None:
    store, found = group
    data = frame(found.entries, store)
    assert list(data["undefined"]) == ["never"] * 3
    columns = columns_in(["never", "once", "always"])
    reasons = reasons_of(data, columns).T
    by_key = {column.key: line for column, line in zip(columns, reasons, strict=True)}
    assert (by_key["never"] == Reason.UNDEFINED).all()
    assert sorted(by_key["once"]) == [Reason.FINITE, Reason.NOT_COMPUTED, Reason.NOT_COMPUTED]
    assert (by_key["always"] == Reason.FINITE).all()
    assert (reasons_of(data.drop(columns="undefined"), columns_in(["once"])) != 1).all()


def test_undefined_metrics_of_states_are_named_too(group: tuple[Store, ResultGroup]) -> None:
    store, found = group
    data = curve_frame(found.entries, store)
    assert list(data["undefined"]) == ["never"] * 6
    reasons = reasons_of(data, columns_in(["once"]))
    assert sorted(reasons.ravel()) == [Reason.FINITE] * 2 + [Reason.NOT_COMPUTED] * 4


def test_a_state_names_what_is_undefined_at_its_step(group: tuple[Store, ResultGroup]) -> None:
    store, found = group
    (entry, *_) = found.entries
    along: dict[str, list[Number]] = {"clip@1": [None, 0.5], "x@1": [1.0, 2.0]}
    numbers = structs.replace(entry.numbers, steps=[0, 2], along=along)
    data = curve_frame([replace(entry, numbers=numbers)], store)
    assert list(data["undefined"]) == ["clip", ""]


@pytest.mark.parametrize(
    ("method", "nfe"),
    [
        ({"timesteps": {"_target_": "ids.diffusion.Uniform"}}, [0, 8, 16]),
        ({"timesteps": {"_target_": "ids.diffusion.Bank"}}, [0, math.nan, 16]),
        ({"guidance": {"_target_": "ids.diffusion.RampGuidance", "over": 1}}, [0, math.nan, 16]),
    ],
)
def test_the_nfe_of_states_is_spread_evenly_but_not_on_a_bank_or_a_ramp(
    group: tuple[Store, ResultGroup],
    monkeypatch: pytest.MonkeyPatch,
    method: dict[str, object],
    nfe: list[float],
) -> None:
    store, (entry, *_) = group[0], group[1].entries
    entry = replace(
        entry,
        record=structs.replace(entry.record, method=method),
        numbers=structs.replace(entry.numbers, steps=[0, 1, 2], along={"x@1": [0.0, 1.0, 2.0]}),
    )
    taken = MeasurementRecord(
        keys=[entry.record.key],
        engine={"device": "cpu"},
        seconds=1.0,
        forwards=12.0,
        backwards=4.0,
        peak_bytes=0.0,
        taken=0.0,
    )
    found = {entry.record.key: taken}
    monkeypatch.setattr(type(store.numbers), "measurements", lambda self: found)
    np.testing.assert_equal(curve_frame([entry], store)["nfe"].tolist(), nfe)


def test_no_entries_are_no_lines(group: tuple[Store, ResultGroup]) -> None:
    store, _ = group
    assert frame([], store).empty
    assert curve_frame([], store).empty


def test_a_row_that_cannot_be_read_fails_under_every_method(
    group: tuple[Store, ResultGroup],
) -> None:
    store, found = group
    broken = row_of(CASES[0]).__class__(id="bad", problem="bad.png: no image")
    data = frame(found.entries, store, broken=[broken])
    (line,) = data[data["status"] == "failed"].to_dict("records")
    assert (line["label"], line["reason"]) == ("dds", "bad.png: no image")
    assert math.isnan(line["always"])


def test_numbers_of_another_case_are_not_shown(group: tuple[Store, ResultGroup]) -> None:
    store, found = group
    other = MetricsRecord(key=found.entries[0].record.key, case="another")
    bare = [Entry(e.record, e.row, other) for e in found.entries]
    assert "always" not in frame(bare, store)
