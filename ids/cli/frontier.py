"""The `ids frontier` command."""

import argparse
from collections.abc import Sequence
from typing import Any

from ids.cli.saying import say_all
from ids.cli.selecting import add_printing, add_selection, printing_of, selection_of

FRONTIER = """print identity over edit strength: areas, dominance, matched values, the Pareto set

  ids frontier --dataset shapes-dev
  ids frontier --x clip_directional --y lpips_alex --at 0.1
  ids frontier --method dds --method ids --baseline "ids fpr.n_iters=1"
  ids frontier --knob p2p=self_share           where settings differ in several numbers
  ids frontier --write                         also into outputs/tables, with the figure
  ids frontier --write --figures pdf           the figure as PDF alone; also png, svg
  ids frontier --format csv                    also markdown, latex, json

The curve of a method that optimizes runs along its kept states; that of a method that samples along
settings that differ in one number: ids run -m method=sdedit method.strength=0.3,0.5,0.7
"""


def add_parser(commands: Any) -> None:
    """Add `frontier`."""
    frontier = commands.add_parser(
        "frontier",
        help="identity over edit strength",
        description=FRONTIER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_selection(frontier)
    frontier.add_argument(
        "--x", metavar="METRIC", help="of edit strength: success, clip_directional, ..."
    )
    frontier.add_argument(
        "--y", metavar="METRIC", help="of identity: psnr_background, lpips_alex, ..."
    )
    frontier.add_argument(
        "--at", type=float, action="append", help="a level of edit strength (repeatable)"
    )
    add_knob(frontier)
    frontier.add_argument(
        "--baseline",
        default="dds",
        help="the method that differences are paired to, and values it must have",
    )
    frontier.add_argument("--wide", action="store_true", help="print all columns")
    add_printing(frontier, "also write Markdown, LaTeX, HTML, CSV, JSON, and the figure")
    frontier.set_defaults(act=_frontier)


def add_knob(parser: argparse.ArgumentParser) -> None:
    """The flag that chooses what a method's curve runs along."""
    parser.add_argument(
        "--knob",
        action="append",
        metavar="METHOD=KEY",
        help="what the curve of a method runs along: a number of its settings, or steps "
        "(repeatable; default: steps, or the one number in which its settings differ)",
    )


def _frontier(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.config.former_words import todays_columns
    from ids.report.show import show_frontier
    from ids.results.knobs import parse_knobs
    from ids.results.methods import Question

    axis, axis_notes = todays_columns([args.x] if args.x else ())
    metric, metric_notes = todays_columns([args.y] if args.y else ())
    say_all([*axis_notes, *metric_notes])
    chosen = selection_of(args)
    knobs = parse_knobs(args.knob or ())
    question = Question(axis[0] if axis else None, args.at or (), args.baseline, knobs)
    return show_frontier(chosen, question, metric[0] if metric else None, printing_of(args))
