"""The flags that select results of a store."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ids.core.errors import ConfigError

if TYPE_CHECKING:
    from ids.report.printing import Printing
    from ids.results.selection import Selection

FORMATS = ("text", "markdown", "latex", "csv", "json")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names the store."""
    parser.add_argument(
        "--output-dir", type=Path, default=Path("outputs"), help="the store (default: outputs)"
    )


def add_selection(parser: argparse.ArgumentParser, methods: bool = True) -> None:
    """Add the flags that select results; without `methods`, the command itself names them."""
    add_store(parser)
    parser.add_argument("--dataset", default="", help="only data sets whose name begins with this")
    if methods:
        parser.add_argument("--method", action="append", help="only this method (repeatable)")
    parser.add_argument("--tag", default="", help="only cases with this tag")
    parser.add_argument(
        "--case", default="", metavar="REGEX", help="only cases whose id matches, anywhere in it"
    )
    parser.add_argument(
        "--where", action="append", metavar="KEY=VALUE", help="only these settings (repeatable)"
    )


def selection_of(args: argparse.Namespace, columns: Sequence[str] = ()) -> "Selection":
    """The results that the flags select, and these columns of tables (default: all)."""
    from ids.results.selection import Selection

    methods = getattr(args, "method", None) or ()
    where = args.where or ()
    return Selection(args.output_dir, args.dataset, methods, args.tag, where, columns, args.case)


def add_interval(parser: argparse.ArgumentParser) -> None:
    """The kind of the intervals in tables."""
    parser.add_argument(
        "--interval",
        choices=("bootstrap", "t"),
        default="bootstrap",
        help="95 %% intervals by the bootstrap (default) or Student's t",
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """The format of the output."""
    parser.add_argument(
        "--format", choices=FORMATS, default="text", help="of the output (default: text)"
    )


def add_printing(parser: argparse.ArgumentParser, write: str) -> None:
    """The format of the output, and files; `write` is the help of that flag."""
    add_format(parser)
    parser.add_argument("--write", action="store_true", help=write)
    parser.add_argument(
        "--figures",
        metavar="ENDINGS",
        default="png,svg",
        help="formats of the figures, of png, svg and pdf (with --write; default: png,svg)",
    )


def printing_of(args: argparse.Namespace) -> "Printing":
    """How the flags show a report."""
    from ids.report.formats import Caption
    from ids.report.printing import Printing, parse_figures

    caption, label = getattr(args, "caption", ""), getattr(args, "label", "")
    if label and not caption:
        raise ConfigError("--label: expected together with --caption; add one")
    if caption and args.format != "latex":
        raise ConfigError("--caption: expected together with --format latex; add it")
    figures = parse_figures(args.figures)
    return Printing(args.format, args.wide, args.write, figures, Caption(caption, label))
