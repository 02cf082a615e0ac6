"""The `ids data` command: check, show."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ids.cli import completion, extend
from ids.core.errors import ConfigError

if TYPE_CHECKING:
    from ids.captures import CaptureFolder
    from ids.core.protocols import Dataset
    from ids.core.rows import RowSelection

FORMAT = argparse.RawDescriptionHelpFormatter
DATA = """check and look at a data set before a run; nothing is edited

  ids data check pie dataset.path=PIE-Bench          every faulty row at once, then what it has
  ids data check folder dataset.path=photos
  ids data check folder dataset.path=photos backbone=sd15 dataset.fit=crop
  ids data show pie dataset.path=PIE-Bench tags=style sample=24
  ids data show capture dataset.path=fox             photos of a scene: their cameras in 3-D
"""
CHECK = """read every row, name each that cannot be edited, and print what the data set has

  ids data check pie dataset.path=PIE-Bench
  ids data check folder dataset.path=photos
  ids data check folder dataset.path=photos tags=[pet,car]
  ids data check capture dataset.path=fox

Images are read at 512 pixels, or as backbone=... reads them. Exit status: 0 if all rows can be
edited, 1 if not.
"""
SHOW = """write a contact sheet: images with the outline of their masks, prompts, instructions

  ids data show pie dataset.path=PIE-Bench
  ids data show pie dataset.path=PIE-Bench tags=style sample=24 sample_seed=1
  ids data show folder dataset.path=photos offset=100 limit=60 --out photos.png
  ids data show capture dataset.path=fox
"""


def add_parser(commands: Any) -> None:
    """Add `data` and its subcommands."""
    data = commands.add_parser(
        "data", help="check or show a data set", description=DATA, formatter_class=FORMAT
    )
    verbs = data.add_subparsers(dest="what", required=True, metavar="{check,show}")
    for name, description, act in (("check", CHECK, _check), ("show", SHOW, _show)):
        verb = verbs.add_parser(
            name,
            help=description.partition("\n")[0],
            description=description,
            formatter_class=FORMAT,
        )
        option = verb.add_argument("name", metavar="NAME", help="see `ids list dataset`")
        option.completer = completion.complete_options("dataset")
        words = verb.add_argument(
            "overrides", nargs="*", default=[], help="key=value, as in `ids run`"
        )
        words.completer = _complete_words
        extend.add_config_dir(verb)
        verb.set_defaults(act=act)
        if name == "show":
            verb.add_argument("--out", metavar="FILE", help="default: NAME_sheet.png")


def _complete_words(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """As in `ids run`, of the data set that is named."""
    words = [f"dataset={parsed_args.name}", *(parsed_args.overrides or ())]
    known = argparse.Namespace(overrides=words, config_dir=parsed_args.config_dir)
    return completion.complete_words(prefix, known)


def _check(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    from ids.captures import CaptureFolder
    from ids.log.progress import RunProgress
    from ids.report.console import say
    from ids.report.inspection import describe_inspection
    from ids.run.inspection import inspect_rows

    dataset, selection = _chosen(args, overrides)
    if isinstance(dataset, CaptureFolder):
        return _check_capture(dataset)
    with RunProgress() as progress:
        n_rows = len(selection.rows(dataset))
        with progress.counted(f"{args.name}: rows", n_rows) as count:
            found = inspect_rows(dataset, selection, count)
    for line in describe_inspection(found):
        say(line)
    return int(bool(found.faults))


def _check_capture(folder: "CaptureFolder") -> int:
    from ids.captures.inspection import find_all, inspect_capture
    from ids.log.progress import RunProgress
    from ids.report.capture_lines import describe_capture
    from ids.report.console import say

    with RunProgress() as progress:
        views = find_all(folder)
        with progress.counted("capture: photos", len(views.views)) as count:
            found = inspect_capture(folder, views, count)
    for line in describe_capture(found):
        say(line)
    return int(bool(found.faults))


def _show(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    from pathlib import Path

    from ids.captures import CaptureFolder
    from ids.report.case_sheet import MAX_CASES, case_sheet
    from ids.report.console import say
    from ids.report.output import check_out, write_image

    dataset, selection = _chosen(args, overrides)
    out = args.out or f"{args.name}_sheet.png"
    check_out(out, [])
    if isinstance(dataset, CaptureFolder):
        from ids.report.capture_figure import capture_figure

        write_image(capture_figure(dataset.capture), Path(out))
        say(f"{out}: the cameras of {len(dataset.capture.photos)} photos")
        return 0
    rows = selection.rows(dataset)
    write_image(case_sheet(dataset, rows[:MAX_CASES]), Path(out))
    more = (
        f"; {len(rows) - MAX_CASES} more: offset=, tags=, sample=" if len(rows) > MAX_CASES else ""
    )
    say(f"{out}: {min(len(rows), MAX_CASES)} of {len(dataset)} rows{more}")
    return 0


def _chosen(args: argparse.Namespace, overrides: Sequence[str]) -> "tuple[Dataset, RowSelection]":
    """The data set, each row on its own, and the selected rows. At the size of `photo_size`."""
    from ids.config.build import build_dataset
    from ids.config.compose import compose_all
    from ids.config.sources import find_sources
    from ids.config.word_keys import photo_size
    from ids.core.rows import StrictRows

    words = [f"dataset={args.name}", *overrides]
    settings = compose_all([*photo_size(words), *words], find_sources(args.config_dir))
    if len(settings) > 1:
        raise ConfigError(f"ids data {args.what}: expected one data set; got a sweep; name one")
    dataset, selection = build_dataset(settings[0])
    return (dataset.row_by_row() if isinstance(dataset, StrictRows) else dataset), selection
