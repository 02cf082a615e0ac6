"""`ids list` and `ids new`: the options that exist, and files for one more."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ids.core.errors import ConfigError
from ids.core.text import printable

FORMAT = argparse.RawDescriptionHelpFormatter
LIST = """print the options of every group, or of one, and where they come from

  ids list                           every group
  ids list method                    methods, one line each
  ids list fpr --config-dir .        with those of this folder
"""
NEW = """write a module and its option from a working example, to be edited

  ids new method my_rule             my_rule.py and method/my_rule.yaml, in this folder
  ids new refiner my_refiner --into lab
  ids new metric my_metric
  ids new dataset my_data

then run it from that folder, as `ids new` prints:

  ids run --config-dir . method=my_rule limit=1
"""


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """The flag that names folders of the user."""
    parser.add_argument(
        "--config-dir",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder of your own options (method/NAME.yaml, ...) and modules (NAME.py), whose "
        "code is trusted (repeatable)",
    )


def add_parsers(commands: Any) -> None:
    """Add `list` and `new`."""
    listing = commands.add_parser(
        "list", help="the options of a group", description=LIST, formatter_class=FORMAT
    )
    listing.add_argument("group", nargs="?", metavar="GROUP", help="only this group")
    add_config_dir(listing)
    listing.set_defaults(act=_list)

    new = commands.add_parser(
        "new", help="files for an option of your own", description=NEW, formatter_class=FORMAT
    )
    new.add_argument("kind", choices=("method", "refiner", "metric", "dataset"))
    new.add_argument("name", metavar="NAME", help="lower-case letters, digits and '_'")
    new.add_argument(
        "--into", type=Path, default=Path("."), metavar="DIR", help="default: this folder"
    )
    new.set_defaults(act=_new)


def _list(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.config.check import nearest
    from ids.config.sources import GROUPS, find_sources

    sources = find_sources(args.config_dir)
    groups = GROUPS if args.group is None else (args.group,)
    if unknown := [group for group in groups if group not in GROUPS]:
        raise ConfigError(f"{unknown[0]}: no such group; {nearest(unknown[0], GROUPS)}")
    rows = [
        (group, option.name, option.origin, option.summary)
        for group in groups
        for option in (sources.option(group, name) for name in sources.options(group))
    ]
    for line in _lines(rows):
        print(line)
    return 0


def _lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligned columns under a heading per group; summaries cut to the width of a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    cells = [tuple(map(printable, row)) for row in rows]
    names = max(len(row[1]) for row in cells)
    origins = max(len(row[2]) for row in cells)
    lines: list[str] = []
    for index, (group, name, origin, summary) in enumerate(cells):
        if index == 0 or cells[index - 1][0] != group:
            lines += [*([""] if lines else []), group]
        line = f"  {name:{names}}  {origin:{origins}}  {summary}".rstrip()
        lines.append(line if len(line) <= width else line[: width - 3] + "...")
    return lines


def _new(args: argparse.Namespace, _: Sequence[str]) -> int:
    from shlex import quote

    from ids.config.scaffold import KINDS, scaffold
    from ids.config.sources import find_sources

    here = [str(args.into)] if args.into.is_dir() else []
    for path in scaffold(args.kind, args.name, args.into, find_sources(here)):
        print(f"written: {printable(str(path))}")
    words = KINDS[args.kind].words.format(name=args.name)
    print(f"next: ids run --config-dir {printable(quote(str(args.into)))} {words}")
    return 0
