"""The `ids report` command: one HTML page of a store."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ids import __version__
from ids.cli.selecting import add_selection, selection_of
from ids.core.errors import ConfigError

REPORT = """write an HTML page of results: claims, tables, images, curves; needs no network

  ids report                                   outputs/report/index.html
  ids report --out page --dataset shapes-dev
  ids report --states 40                       kept states of 40 cases as images

A later report writes only what is new. Give it in the folder in which the runs were started: source
images and masks are read again from the data sets.
"""


def add_parser(verbs: Any) -> None:
    """Add `report`."""
    report = verbs.add_parser(
        "report",
        help="write an HTML page of results",
        description=REPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_selection(report)
    report.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write it (default: OUTPUT_DIR/report)"
    )
    report.add_argument(
        "--baseline", default="dds", help="the method that differences are paired to"
    )
    report.add_argument(
        "--states",
        type=int,
        metavar="N",
        help="cases whose kept states are shown as images (default: 12, and 0 where images have "
        "more than 128 pixels a side: those decode slowly)",
    )
    report.set_defaults(act=_report)


def _report(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.core.storage import storing
    from ids.report.console import say
    from ids.report.pages.links import FOLDER
    from ids.report.pages.page import write_page
    from ids.results.catalog import open_store, read_catalog
    from ids.results.claim import package_claims, read_claims
    from ids.results.selection import Selection
    from ids.results.verdicts import verdicts

    if args.states is not None and args.states < 0:
        raise ConfigError(f"--states: expected 0 or more; got {args.states}; change it")
    store = open_store(args.output_dir)
    from ids.launch.page_inputs import page_inputs

    folder = args.out or args.output_dir / FOLDER
    catalog = read_catalog(store)
    groups = Selection(args.output_dir, args.dataset).groups(catalog)  # of all methods and tags
    found = verdicts(read_claims([package_claims()]), groups, store)
    inputs = replace(page_inputs(args.output_dir, args.states, found), version=__version__)
    with storing(folder):
        path, notes = write_page(selection_of(args), folder, inputs, args.baseline, catalog)
    for note in notes:
        say(f"note: {note}")
    say(f"written: {path}")
    return 0
