"""`ids judge`: numbers of edited images that other code made."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ids.cli import completion, extend
from ids.core.errors import ConfigError

FORMAT = argparse.RawDescriptionHelpFormatter
JUDGE = """numbers for edited images that other code made, by the metrics of `ids run`

  ids judge outputs/p2p dataset=pie dataset.path=PIE-Bench metrics=pie
  ids judge results/dds results/mine dataset=folder dataset.path=photos --baseline dds
  ids judge results/mine dataset=pie dataset.path=PIE-Bench metrics=pie --out mine.csv

A folder has one image per case: CASE_ID.png (.jpg, .jpeg, .webp), or the path of the source image
as in the data set. Images have the size of their source (dataset.size, 512 by default); of a strip
of squares the last one is taken. Several folders are compared case by case. A folder whose name
has an '=' is written with its place: ./a=b
"""


def add_parser(commands: Any) -> None:
    """Add `judge`."""
    parser = commands.add_parser(
        "judge", help="numbers for images made elsewhere", description=JUDGE, formatter_class=FORMAT
    )
    words = parser.add_argument("overrides", nargs="*", metavar="FOLDER | group=option | key=value")
    words.completer = completion.complete_words
    parser.add_argument(
        "--baseline", help="the folder that differences are paired to (default: the first)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a line per image: .csv, .json or .parquet"
    )
    parser.add_argument("--wide", action="store_true", help="print all columns")
    parser.add_argument(
        "--write", action="store_true", help="also write the table and its card into output_dir"
    )
    extend.add_config_dir(parser)
    parser.set_defaults(act=judge)


def judge(args: argparse.Namespace, words: Sequence[str]) -> int:
    """Exit status: 1 where an image is missing or cannot be used."""
    from ids.config.judging import judge_words
    from ids.report.judged import check_out, show_judged

    folders = [Path(word).expanduser() for word in words if _is_folder(word)]
    if not folders:
        raise ConfigError("ids judge: expected a folder of edited images; got none; name one")
    check_out(args.out)
    overrides = [word for word in words if not _is_folder(word)]
    found = judge_words(folders, overrides, args.config_dir)
    tables = found.output_dir / "tables" if args.write else None
    return show_judged(found.group, found.notes, args.baseline, args.out, tables, args.wide)


def _is_folder(word: str) -> bool:
    return ("=" not in word and not word.startswith("~")) or word.startswith((".", "/", "~/"))
