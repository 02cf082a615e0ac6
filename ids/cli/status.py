"""`ids status` and `ids retry`: how far the runs of a store are, and failed edits once more."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ids.cli import completion
from ids.cli.saying import reasons, say_all
from ids.core.text import counted, duration

if TYPE_CHECKING:
    from ids.results.status import SettingStatus, State

FORMAT = argparse.RawDescriptionHelpFormatter
STATUS = """how far the runs of a store are: done, running, failed, left, and the time left

  ids status                                   every setting, also while commands run
  ids status --failed                          failed cases, with kind, reason and traceback file
  ids status --method ids --output-dir sweep
  ids status --json | jq '.settings[] | select(.left > 0)'
  watch -n 10 ids status

The exit status is 0 where nothing is left or failed, else 1. Nothing is written. Of several runs of
one setting, the newest one counts. The time is that of edits alone, from stored measurements.
"""
RETRY = """repeat the failed edits of the runs of a store, with the settings of each run

  ids retry
  ids retry --method ids --output-dir sweep
  ids retry launch=devices launch.workers=2    with another launcher

Edits that are left are made as well. Finished edits stay. For other values, give the command of the
run again with retry_failed=true.
"""
COUNTS: "tuple[State, ...]" = ("done", "running", "failed", "left")


def add_parsers(commands: Any) -> None:
    """Add `status` and `retry`."""
    status = _parser(commands, "status", "how far runs are", STATUS)
    status.add_argument("--failed", action="store_true", help="list failed cases and reasons")
    status.add_argument("--json", action="store_true", help="as JSON, with failed cases")
    status.set_defaults(act=_status)
    retry = _parser(commands, "retry", "repeat failed edits", RETRY)
    words = retry.add_argument(
        "overrides", nargs="*", metavar="launch=...", help="another launcher, and its options"
    )
    words.completer = completion.complete_launch  # type: ignore[attr-defined]
    retry.set_defaults(act=_retry)


def _parser(commands: Any, name: str, text: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=description, formatter_class=FORMAT
    )
    parser.add_argument(
        "--output-dir", type=Path, default=Path("outputs"), help="the store (default: outputs)"
    )
    method = parser.add_argument("--method", action="append", help="only this method (repeatable)")
    method.completer = completion.complete_options("method")  # type: ignore[attr-defined]
    return parser


def _status(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.console import say
    from ids.results.catalog import open_store
    from ids.results.status import runs_without_plan

    store, found = open_store(args.output_dir), _chosen(args)
    if args.json:
        print(json.dumps({"settings": [_as_json(one) for one in found]}, indent=1))
    elif args.failed and any(one.failures for one in found):
        _print_failures(found)
    elif args.failed:
        say(f"{args.output_dir}: no failed edits")
    elif found:
        _print(found)
    else:
        say(f"{args.output_dir}: no such runs")
    if (others := runs_without_plan(store)) and not args.json:
        say(f"note: {counted(others, 'run')} without a plan: of an earlier version, or never begun")
    return int(not all(one.is_complete for one in found))


def _chosen(args: argparse.Namespace) -> "list[SettingStatus]":
    from ids.results.catalog import open_store
    from ids.results.status import read_status

    found = read_status(open_store(args.output_dir))
    return [one for one in found if not args.method or one.method in args.method]


def _print(found: "Sequence[SettingStatus]") -> None:
    from ids.report.console import open_console, say
    from ids.report.render import TextGrid

    titles = COUNTS + (("unsupported",) if any(one.counts["unsupported"] for one in found) else ())
    lines = [
        (one.label, one.dataset, *(str(one.counts[title]) for title in titles), _time(one))
        for one in found
    ]
    if len(found) > 1:
        totals = (str(sum(one.counts[title] for one in found)) for title in titles)
        lines.append(("all", "", *totals, _total(found)))
    headers = ("setting", "data set", *titles, "time left")
    TextGrid("status", headers, tuple(lines), left=2).print(open_console())
    for one in found:
        say_all(
            f"{one.label}: it ended with {f.kind}: {f.reason}" for f in one.failures if not f.case
        )
    _say_left(found)
    if any(f.case for one in found for f in one.failures):
        say("`ids status --failed` lists failed cases, `ids retry` repeats them")


def _say_left(found: "Sequence[SettingStatus]") -> None:
    from ids.report.console import say

    if waiting := sum(one.counts["left"] for one in found if not one.alive):
        say(f"{counted(waiting, 'edit')} left by no running command: give the command again")


def _print_failures(found: "Sequence[SettingStatus]") -> None:
    from ids.report.console import open_console
    from ids.report.render import TextGrid

    headers = ("setting", "case", "seed", "kind", "reason", "traceback")
    lines = tuple(
        (one.label, f.case, "" if f.seed is None else str(f.seed), f.kind, f.reason, f.traceback)
        for one in found
        for f in one.failures
    )
    TextGrid("failed", headers, lines, left=len(headers)).print(open_console(wide=True))


def _as_json(one: "SettingStatus") -> dict[str, Any]:
    return {
        "setting": one.label,
        "method": one.method,
        "dataset": one.dataset,
        "folder": str(one.folder),
        **{str(state): count for state, count in one.counts.items()},
        "alive": one.alive,
        "workers": one.workers,
        "seconds_left": one.seconds,
        "failures": [failure._asdict() for failure in one.failures],
    }


def _time(one: "SettingStatus") -> str:
    if not one.unfinished:
        return "-"
    return "unknown" if one.seconds is None else duration(one.seconds)


def _total(found: "Sequence[SettingStatus]") -> str:
    """Of all settings, which are done one after another."""
    times = [one.seconds for one in found if one.unfinished]
    if not times:
        return "-"
    known = [seconds for seconds in times if seconds is not None]
    return duration(sum(known)) if len(known) == len(times) else "unknown"


def _retry(args: argparse.Namespace, words: Sequence[str]) -> int:
    from ids.launch.retry import check_launch_words
    from ids.report.console import say

    check_launch_words(words)
    found = _chosen(args)
    failed = [one for one in found if one.failures]
    if not failed:
        say(f"{args.output_dir}: no failed edits")
        _say_left(found)
        return 0
    runs: dict[Path, set[Path]] = {}
    for one in failed:
        folder = one.folder.absolute()
        runs.setdefault(_run_of(folder), set()).add(folder)
    store = args.output_dir.absolute()
    return max(_repeat(run, folders, store, words) for run, folders in runs.items())


def _run_of(folder: Path) -> Path:
    """The folder of the run that a setting is part of."""
    return folder if folder.parent.name == "runs" else folder.parent


def _repeat(run: Path, folders: set[Path], store: Path, words: Sequence[str]) -> int:
    """Exit status of one run."""
    from ids.cli.outcome import reported
    from ids.launch import launch
    from ids.launch.retry import prepare_retry

    prepared = prepare_retry(run, folders, store, words)
    if not prepared.ready:
        say_all(reasons(prepared.refused, len(prepared.refused)))
        return 2
    return reported(launch(prepared))
