"""The report after settings have run, and the exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ids.cli.saying import reasons, say_all
from ids.core.errors import IdsError
from ids.core.importing import lean_imports
from ids.core.unexpected import unexpected

if TYPE_CHECKING:
    from ids.launch import Launched
    from ids.results.intervals import IntervalKind


def reported(
    launched: "Launched",
    baseline: str = "dds",
    wide: bool = False,
    interval: "IntervalKind" = "bootstrap",
) -> int:
    """Print the table of finished settings, then a line for each other. The exit status: 2 if a
    setting of a sweep could not start, 1 if anything failed.
    """
    prepared = launched.prepared
    status = 0
    if _has_outcomes(launched.folder):
        with lean_imports():
            from ids.report.summary import report

        with traceback_in(launched.folder):
            cases, output_dir = launched.cases(), launched.prepared.output_dir
            status = report(launched.folder, output_dir, cases, baseline, wide, interval)
    total = len(prepared.ready) + len(prepared.refused)
    say_all(reasons([*launched.failed, *prepared.refused], total))
    if prepared.refused:
        return 2
    if launched.failed:
        return 1 if prepared.sweep else launched.failed[0].error.exit_code
    return status


@contextmanager
def traceback_in(folder: Path) -> Iterator[None]:
    """An unexpected error leaves its traceback in this folder."""
    try:
        yield
    except IdsError:
        raise
    except Exception as error:  # reported as one line, its traceback in a file
        raise unexpected(error, folder) from error


def _has_outcomes(folder: Path) -> bool:
    from ids.run.outcomes import read_outcomes

    return any(run.outcomes for run in read_outcomes(folder))
