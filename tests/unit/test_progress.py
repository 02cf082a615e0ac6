"""The bars of a sweep: full labels, steps counted once, and lines that need no terminal."""

import io
from contextlib import suppress

from rich.console import Console

from ids.log.progress import RunProgress, labels_of_words
from ids.run.unit import Prepared, Report, UnitPart, decode_report, encode
from ids.run.work import _Steps


def terminal() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=True, width=120, color_system=None), text


def test_a_setting_is_labelled_by_what_tells_it_apart() -> None:
    words = [
        ("debug=fast", "method=ids", "fpr.scale=0.2"),
        ("debug=fast", "method=ids", "fpr.scale=0.3"),
        ("debug=fast", "method=dds", "fpr.scale=0.2"),
    ]
    labels = labels_of_words(["ids", "ids", "dds"], words)
    assert labels == ["ids fpr.scale=0.2", "ids fpr.scale=0.3", "dds fpr.scale=0.2"]
    assert labels_of_words(["ids"], [("method=ids", "fpr.scale=0.2")]) == ["ids"]
    assert labels_of_words([], []) == []


def test_the_sweep_counts_every_step_once() -> None:
    console, text = terminal()
    with RunProgress(3, console) as progress:
        bar = progress._bars.tasks[0]
        progress.expect(120)
        with progress.edits("ids fpr.scale=0.2", 4, 0, n_steps=10) as edits:
            batch = edits.batch(rows=3)
            for _ in range(10):
                batch.step()
            assert (bar.completed, bar.total) == (30, 120)
            for reason in ("", "NaN [bold]", ""):
                edits.finished(reason)
            assert bar.completed == 30
            edits.finished()  # by another process
            assert bar.completed == 40
            assert "0/3 settings" in bar.fields["state"]
        progress.end_setting()
        with progress.edits("ids fpr.scale=0.3", 0, 4, n_steps=10, setting=1):
            pass
        progress.end_setting()
        assert (bar.completed, bar.total) == (40, 120)
        assert "2/3 settings" in bar.fields["state"]
    lines = text.getvalue()
    assert "ids fpr.scale=0.2: NaN [bold]" in lines
    assert "[1/3] ids fpr.scale=0.2: 4 of 4 edits, 0 existing, 1 failed, " in lines
    assert "[2/3] ids fpr.scale=0.3: nothing to do, 4 edits exist already" in lines


def test_a_setting_that_breaks_off_leaves_the_sweep_right() -> None:
    console, _ = terminal()
    with RunProgress(2, console) as progress:
        bar = progress._bars.tasks[0]
        progress.expect(40)
        with suppress(ValueError), progress.edits("dds", 2, 0, 10) as edits:
            edits.batch(1).step()
            raise ValueError
        assert bar.total is not None
        assert bar.total - bar.completed == 20
        assert [task.description for task in progress._bars.tasks] == ["sweep"]


def test_without_a_terminal_there_are_lines_alone() -> None:
    text = io.StringIO()
    with RunProgress(console=Console(file=text, width=40)) as progress:
        with progress.edits("null_edit", 0, 2, 1, quiet=True):
            pass
        with progress.edits("ids", 2, 1, 10) as edits:
            edits.batch(2).step()
            edits.finished()
            edits.finished()
        with progress.counted("ids: metrics", 3) as count:
            count(3)
    assert [line.rpartition(",")[0] for line in text.getvalue().splitlines()] == [
        "ids: 2 of 2 edits, 1 existing"
    ]


def test_a_fit_has_a_bar_and_leaves_a_line() -> None:
    """One that resumes begins where it was; its quality is shown as soon as it is known."""
    console, text = terminal()
    with RunProgress(1, console) as progress, progress.edits("ids", 1, 0, n_steps=5) as edits:
        batch = edits.batch(rows=1)
        batch.prepared("fit fox", 400, 600, "")
        bar = progress._bars.tasks[-1]
        assert (bar.description, bar.completed, bar.total) == ("fit fox", 400, 600)
        batch.prepared("fit fox", 450, 600, "20.9 dB held out")
        assert (bar.completed, bar.fields["state"]) == (450, "20.9 dB held out")
        batch.prepared("fit fox", 600, 600, "21.8 dB held out")
        assert bar not in progress._bars.tasks
        assert edits.steps == 0  # steps of the edit alone count for it
    assert "fit fox: 600 steps, 21.8 dB held out, " in text.getvalue()


def test_a_worker_reports_a_fit_at_a_bounded_rate_and_its_end() -> None:
    reports: list[Report] = []
    steps = _Steps(reports.append, UnitPart(0, "ids", []), rows=1)
    for done in range(1, 1001):
        steps.prepared("fit fox", done, 1000, "20.9 dB held out")
    assert 2 <= len(reports) < 100
    assert decode_report(encode(reports[-1])) == reports[-1]
    last = Prepared(0, "ids", "fit fox", 1000, 1000, "20.9 dB held out")
    assert reports[-1] == last
