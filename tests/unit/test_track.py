"""Trackers follow a sweep: opened before the first edit, nothing twice, never in the way."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from memory_tracker import QUICK, Memory, run
from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.numbers import Number
from ids.results.catalog import Entry, read_catalog
from ids.results.frames import columns_of, frame
from ids.results.table import table
from ids.run import Store
from ids.track.content import summary
from ids.track.scrub import scrub
from ids.track.stored import Origins, log_stored


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def log_again(tracker: Memory) -> list[int]:
    store = Store(Path("outputs"))
    groups = read_catalog(store).groups
    new = [one.new for one in log_stored(groups, store, tracker, Origins())]
    store.close()
    return new


def test_the_run_is_open_before_the_first_edit_and_rows_follow() -> None:
    tracker = Memory()
    run(tracker, "limit=2", "engine.batch_size=1")
    assert tracker.results_at_open == [0]
    assert tracker.infos[0].config["method"]["n_steps"] == 2
    assert tracker.infos[0].group == "shapes-dev-v1 on gaussian"
    assert tracker.steps("edit") == [0, 1]
    assert tracker.steps("curve") == [1, 2]
    assert tracker.events[0][0] == "edit"  # before the curves, which all edits share
    progress = [values for axis, _, values in tracker.events if axis == "progress"]
    assert progress[-1] == {"done": 2, "failed": 0, "left": 0}
    assert tracker.finished == 1


def test_a_tracker_takes_no_threads_from_the_edits() -> None:
    """More OpenMP threads than cores would make those of the edits sleep at every barrier."""
    tracker, before = Memory(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(tracker, "limit=1")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert tracker.threads == {1}


def test_a_refusal_stops_the_command_before_the_first_edit() -> None:
    with pytest.raises(ConfigError, match="out of reach"):
        run(Memory(refused=ConfigError("out of reach")), "limit=1")
    assert not list(Path().glob("outputs/results/*/*"))


def test_a_second_command_continues_the_run() -> None:
    tracker = Memory()
    run(tracker, "limit=2")
    points, events = tracker.points, len(tracker.events)
    run(tracker, "limit=2")
    assert (len(tracker.infos), len(tracker.events)) == (1, events)  # not opened again
    run(tracker, "limit=3", "dataset.count=4")
    first, second = tracker.infos
    assert first.id == second.id
    assert second.points == points
    assert tracker.steps("edit") == [0, 1, 2]
    assert tracker.steps("curve") == [1, 2]
    assert len(tracker.tables["cases"][1]) == 3
    assert tracker.summaries[-1]["psnr/n"] == 3


def test_an_equal_command_with_new_work_sends_no_configuration_again() -> None:
    tracker = Memory()
    run(tracker, "limit=1")
    run(tracker, "limit=1", "force=true")
    run(tracker, "limit=1", "force=true")
    assert [bool(info.config) for info in tracker.infos] == [True, True, False]
    assert tracker.steps("edit") == [0, 1, 1]  # edits that were made again are new


def test_another_place_has_nothing_of_the_first() -> None:
    run(Memory(), "limit=1")
    other = Memory(destination="elsewhere")
    run(other, "limit=1")
    assert other.steps("edit") == [0]


def test_the_summary_is_that_of_the_table() -> None:
    tracker = Memory()
    run(tracker, "limit=4", "dataset.count=4")
    store = Store(Path("outputs"))
    (group,) = read_catalog(store).groups
    lines = frame(group.entries, store)
    means = table("", lines, columns=columns_of(group.entries, lines)).grids[0]
    (found,) = tracker.summaries
    for column, cell in zip(means.columns, means.rows[0].cells, strict=True):
        assert (found[f"{column.key}/mean"], found[f"{column.key}/n"]) == (cell.value, cell.n)
        if cell.n > 1 and not column.exact:
            ends = found[f"{column.key}/low"], found[f"{column.key}/high"]
            assert ends == (cell.low, cell.high)
    assert (found["cases"], found["done"], found["psnr/n"]) == (4, 4, 4)
    assert not [name for name in found if name.endswith(("/infinite", "/undefined"))]
    numbers = dict(zip(("inf", None), group.entries, strict=False))
    changed = [_with_psnr(entry, number) for number, entry in numbers.items()]
    found = summary([*changed, *group.entries[2:]], store)
    assert [found[f"psnr/{name}"] for name in ("infinite", "undefined", "n")] == [1, 1, 2]


def _with_psnr(entry: Entry, number: Number) -> Entry:
    (key,) = (key for key in entry.numbers.values if key.startswith("psnr@"))
    value = msgspec.structs.replace(entry.numbers.values[key], value=number)
    values = entry.numbers.values | {key: value}
    return replace(entry, numbers=msgspec.structs.replace(entry.numbers, values=values))


def test_the_table_of_cases_can_be_joined_and_is_small() -> None:
    tracker, other = Memory(), Memory()
    run(tracker, "limit=2", "seeds=[0,1]")
    run(other, "limit=2", "seeds=[0,1]", "method=sds")
    columns, rows = tracker.tables["cases"]
    key = columns.index("case_seed")
    assert [row[key] for row in rows] == [row[key] for row in other.tables["cases"][1]]
    assert len({row[key] for row in rows}) == 4
    assert {"case", "digest", "seed", "source_prompt", "tags", "psnr", "seconds"} <= set(columns)
    for name in ("source", "edit", "mask", "true_edit"):
        cells = [row[columns.index(name)] for row in rows]
        images = [cell for cell in cells if isinstance(cell, Tensor)]
        assert len(images) == 2  # both seeds of the first case
        assert all(image.shape == (3, 16, 16) for image in images)
    assert [row[columns.index("seed")] for row in rows] == [0, 1, 0, 1]
    assert tracker.tables["curves"][0][0] == "step"


def test_batches_of_rows_come_at_a_bounded_rate() -> None:
    tracker = Memory(pace=replace(QUICK, every=1000.0))
    run(tracker, "limit=3", "dataset.count=3", "engine.batch_size=1")
    assert tracker.steps("edit") == list(range(3))
    assert len(tracker.steps("progress")) <= 2  # at once, and at the end


def test_a_tracker_that_hangs_stops_no_edit(caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()
    tracker = Memory(pace=replace(QUICK, queue=1, wait=0.1), hold=hold)
    with caplog.at_level(logging.WARNING):
        run(tracker, "limit=3", "dataset.count=3", "engine.batch_size=1")
    assert len(list(Path().glob("outputs/results/*/*/edit.png"))) == 3
    assert tracker.events == []
    assert caplog.text.count("edits wait for it") == 1
    assert caplog.text.count("`ids log` sends the rest") == 1
    assert len(caplog.records) == 2
    hold.set()
    _end_of("log Memory")
    tracker.hold = None
    log_again(tracker)
    cases = {row[0] for row in tracker.tables["cases"][1]}
    assert len(cases) == len(tracker.steps("edit")) == 3
    assert log_again(tracker) == [0]


def test_a_tracker_that_fails_costs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    tracker = Memory(error=OSError("no route to host"))
    with caplog.at_level(logging.WARNING):
        run(tracker, "limit=3", "dataset.count=3", "engine.batch_size=1")
    (record,) = caplog.records
    assert "OSError: no route to host; edits go on, and `ids log` sends" in record.getMessage()
    tracker.error = None
    assert log_again(tracker) == [3]
    assert tracker.steps("edit") == [0, 1, 2]


def test_two_commands_do_not_log_one_setting_at_once() -> None:
    run(Memory(), "limit=1")
    tracker = Memory(destination="elsewhere")
    store = Store(Path("outputs"))
    (entry,) = read_catalog(store).groups[0].entries
    lock = next(Path("outputs/mirrored").glob("Memory-*.json")).stem.split("-", 2)[2]
    with store.claims.held(f"mirror-Memory-{lock}"):
        (one,) = log_stored(read_catalog(store).groups, store, tracker, Origins())
        assert (one.busy, one.new) == (True, 0)
    assert tracker.infos == []
    assert log_again(tracker) == [1]
    assert entry.row.case in tracker.tables["cases"][1][0]


def test_a_sweep_has_a_run_per_setting() -> None:
    tracker = Memory()
    run(tracker, "limit=1", "method.guidance_scale=3.0,5.0", "controls=standard")
    labels = [info.label for info in tracker.infos]
    assert sorted(labels) == [
        "dds method.guidance_scale=3.0",
        "dds method.guidance_scale=5.0",
        "null_edit",
        "true_edit",
    ]
    assert {info.kind for info in tracker.infos} == {"method", "control"}
    assert len({info.id for info in tracker.infos}) == 4


def test_no_secret_and_no_home_is_in_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    found = scrub(
        {
            "path": "/home/ada/photos",
            "other": "/home/adam/photos",
            "home": "/home/ada",
            "api_key": "abc",
            "tokens": 77,
            "note": ["use hf_0123456789", "https://ada:secret@example.org/x.git"],
        }
    )
    assert found == {
        "path": "~/photos",
        "other": "/home/adam/photos",
        "home": "~",
        "api_key": "...",
        "tokens": 77,
        "note": ["use ...", "https://example.org/x.git"],
    }


def _end_of(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(30)
            assert not thread.is_alive()
