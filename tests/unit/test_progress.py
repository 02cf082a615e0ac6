"""The bars of a sweep: full labels, steps counted once, and lines that need no terminal."""

import io

from rich.console import Console

from ids.log.progress import RunProgress, setting_labels


def terminal() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=True, width=120, color_system=None), text


def test_a_setting_is_labelled_by_what_tells_it_apart() -> None:
    words = [
        ("debug=fast", "method=ids", "fpr.scale=0.2"),
        ("debug=fast", "method=ids", "fpr.scale=0.3"),
        ("debug=fast", "method=dds", "fpr.scale=0.2"),
    ]
    labels = setting_labels(["ids", "ids", "dds"], words)
    assert labels == ["ids fpr.scale=0.2", "ids fpr.scale=0.3", "dds fpr.scale=0.2"]
    assert setting_labels(["ids"], [("method=ids", "fpr.scale=0.2")]) == ["ids"]
    assert setting_labels([], []) == []


def test_the_sweep_counts_every_step_once_and_forgets_what_was_finished() -> None:
    console, text = terminal()
    with RunProgress([40, 40, 40], console) as progress:
        bar = progress._bars.tasks[0]
        with (
            progress.setting("ids fpr.scale=0.2"),
            progress.edits("ids", n_edits=4, n_existing=0, n_steps=10) as edits,
        ):
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
        with (
            progress.setting("ids fpr.scale=0.3"),
            progress.edits("ids", n_edits=0, n_existing=4, n_steps=10),
        ):
            pass
        assert (bar.completed, bar.total) == (40, 80)  # of the last setting
        assert "2/3 settings" in bar.fields["state"]
    lines = text.getvalue()
    assert "ids fpr.scale=0.2: NaN [bold]" in lines
    assert "[1/3] ids fpr.scale=0.2: 4 of 4 edits, 0 existing, 1 failed, " in lines
    assert "[2/3] ids fpr.scale=0.3: nothing to do, 4 edits exist already" in lines


def test_a_setting_that_breaks_off_leaves_the_sweep_right() -> None:
    console, _ = terminal()
    with RunProgress([20, 20], console) as progress:
        bar = progress._bars.tasks[0]
        try:
            with progress.setting("dds"), progress.edits("dds", 2, 0, 10) as edits:
                edits.batch(1).step()
                raise ValueError
        except ValueError:
            pass
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
