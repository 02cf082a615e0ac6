"""The flags of `ids table` and `ids card`."""

import argparse
from typing import Any

from ids.cli import commands, frontier
from ids.cli.selecting import add_interval, add_printing, add_selection

TABLE = """print the results of a store: means with 95 % intervals, differences paired to a baseline

  ids table
  ids table --dataset shapes-dev --baseline dds
  ids table --tag shape --where guidance_scale=3       only these cases, only these settings
  ids table --by tag --column psnr_background          a block per kind of edit or category
  ids table --tests                            d_z, p-values and detectable differences
  ids table --tests --column psnr --difference 0.5     how many cases does 0.5 dB need?
  ids table --matched                          at equal edit strength: success 0.8, 0.9, 0.95
  ids table --matched --axis latent_distance --at 0.4
  ids table --matched --knob p2p=self_share    the curve of p2p along its settings
  ids table --matched --baseline "ids fpr.n_iters=1"   is N=3 better than N=1?
  ids table --paper                            the IDS paper's numbers, second-hand, beside ours
  ids table --format latex > table.tex         also markdown, csv, json; bold: significantly best
  ids table --format latex --caption "Shapes." --label tab:shapes     in a table environment
  ids table --row "DDS=dds guidance_scale=3" --row "IDS (ours)=ids guidance_scale=3"
  ids table --case "^test-000[0-5]"            only cases whose id matches
  ids table --write                            also into outputs/tables
  ids table --matched --write --figures svg,pdf      with the curves as figures
"""

CARD = """print how results were made: versions, devices, weights, data set, seeds, settings

  ids card
  ids card --dataset shapes-dev --method ids
  ids card --json | jq '.[].environments'
  ids card --write                             also into outputs/tables, beside the tables
"""


def add_parsers(verbs: Any) -> None:
    """Both commands."""
    flags = argparse.RawDescriptionHelpFormatter
    _add_table(
        verbs.add_parser("table", help="print results", description=TABLE, formatter_class=flags)
    )
    _add_card(
        verbs.add_parser(
            "card", help="how results were made", description=CARD, formatter_class=flags
        )
    )


def _add_table(table: argparse.ArgumentParser) -> None:
    add_selection(table)
    table.add_argument("--column", action="append", help="only this column (repeatable)")
    table.add_argument(
        "--baseline",
        default="dds",
        help="the method that differences are paired to, and values it must have",
    )
    table.add_argument(
        "--row",
        action="append",
        metavar="NAME=METHOD",
        help="only this setting (a method and its values), under this name; rows are in the order "
        "in which they are named (repeatable)",
    )
    table.add_argument(
        "--by",
        choices=("tag",),
        help="a block for each tag, in the order of the data set",
    )
    add_interval(table)
    _add_tests(table)
    _add_matched(table)
    table.add_argument(
        "--engine", help="only measurements of this engine (a folder of outputs/measurements)"
    )
    table.add_argument(
        "--paper", action="store_true", help="the IDS paper's tables, second-hand, beside ours"
    )
    table.add_argument("--wide", action="store_true", help="print all columns")
    add_printing(table, "also write all columns as Markdown, LaTeX, HTML, CSV and JSON, and curves")
    table.add_argument("--caption", default="", help="of LaTeX tables, as LaTeX text")
    table.add_argument(
        "--label",
        default="",
        help="of the first LaTeX table; of the next, with -2 (with --caption)",
    )
    table.set_defaults(act=commands.table)


def _add_tests(table: argparse.ArgumentParser) -> None:
    table.add_argument(
        "--tests", action="store_true", help="a table of tests per column: d_z, p, power"
    )
    table.add_argument(
        "--difference",
        type=float,
        metavar="X",
        help="how many cases a difference of X needs (with --tests and one --column)",
    )


def _add_matched(table: argparse.ArgumentParser) -> None:
    table.add_argument("--matched", action="store_true", help="compare at equal edit strength")
    table.add_argument("--axis", help="the metric of edit strength (with --matched)")
    table.add_argument("--at", type=float, action="append", help="a level of it (repeatable)")
    frontier.add_knob(table)


def _add_card(card: argparse.ArgumentParser) -> None:
    add_selection(card)
    card.add_argument("--json", action="store_true", help="as a JSON list")
    card.add_argument("--write", action="store_true", help="also as Markdown and JSON files")
    card.set_defaults(act=commands.card)
