"""Points that a tracker with numbered points refused, or may lack, are logged by later commands."""

import shutil
from pathlib import Path

import pytest
from memory_tracker import Memory, run


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("axis", ["edit", "curve"])
@pytest.mark.parametrize("commands", [1, 2])
def test_points_that_a_tracker_refused_are_logged_by_a_later_command(
    axis: str, commands: int
) -> None:
    """The second one fails while it logs them again."""
    tracker = Memory(numbered=True, error=OSError("no route to host"), axis=axis)
    for _ in range(commands):
        run(tracker, "limit=2")
    tracker.error = None
    run(tracker, "limit=2")
    assert tracker.steps("edit") == [0, 1]
    assert tracker.steps("curve") == [1, 2]
    opened = len(tracker.infos)
    run(tracker, "limit=2")
    assert len(tracker.infos) == opened


def test_refused_points_are_logged_by_a_command_that_has_their_rows() -> None:
    tracker = Memory(numbered=True, error=OSError("no route to host"), axis="edit")
    run(tracker, "limit=2", "dataset.count=2")
    tracker.error = None
    run(tracker, "limit=1", "dataset.count=2")
    run(tracker, "limit=1", "dataset.count=2")
    assert (len(tracker.infos), tracker.steps("edit")) == (2, [0])
    run(tracker, "limit=2", "dataset.count=2")
    assert (len(tracker.infos), tracker.steps("edit")) == (3, [0, 1])


def test_a_refused_point_whose_edit_is_gone_opens_no_run_for_ever() -> None:
    tracker = Memory(numbered=True, error=OSError("no route to host"), axis="edit")
    run(tracker, "limit=2", "dataset.count=2")
    tracker.error = None
    shutil.rmtree(next(Path("outputs/results").glob("*/*/")))
    run(tracker, "limit=2", "dataset.count=2")
    assert len(tracker.steps("edit")) == 2
    run(tracker, "limit=2", "dataset.count=2")
    assert len(tracker.infos) == 2
