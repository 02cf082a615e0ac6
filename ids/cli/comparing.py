"""`ids compare`, `ids worst` and `ids show`: settings side by side, and single results."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ids.cli.selecting import add_format, add_selection, add_store, selection_of

if TYPE_CHECKING:
    from ids.results.contrasts import GroupFrames
    from ids.results.selection import Selection

FORMAT = argparse.RawDescriptionHelpFormatter
COMPARE = """compare two settings, or two stores: paired differences, and where they differ most

  ids compare ids dds
  ids compare "ids guidance_scale=3" "dds guidance_scale=7.5" --dataset shapes-test
  ids compare ids dds --by success -n 5        the cases that differ most in this metric
  ids compare outputs /data/outputs            equal settings of two stores, on equal cases
  ids compare ids dds --format markdown        also latex, csv, json

A name of two existing folders is a store; write ./ids for a folder called ids.
Exit status: 0; 2 where the two have no results to compare.
"""
WORST = """list the worst edits by a metric

  ids worst psnr_background
  ids worst lpips_alex --method "ids guidance_scale=3" -n 3
  ids worst success --dataset shapes-test --tag shape
  ids worst psnr_background --best             the best ones
  ids worst psnr_background --format csv       also markdown, latex, json

Exit status: 0; 2 for a metric or method without results.
"""
SHOW = """show one result: image, prompts, metrics, and the command that makes it again

  ids show 3fb1c2                              the beginning of its key is enough
  ids show 3fb1c2 --output-dir /data/outputs

Exit status: 0; 2 for the beginning of no key, or of several.
"""


def add_parsers(verbs: Any) -> None:
    """All three."""
    compare = verbs.add_parser(
        "compare", help="two settings or stores", description=COMPARE, formatter_class=FORMAT
    )
    _add_compare(compare)
    worst = verbs.add_parser(
        "worst", help="the worst edits", description=WORST, formatter_class=FORMAT
    )
    _add_worst(worst)
    show = verbs.add_parser("show", help="one result", description=SHOW, formatter_class=FORMAT)
    add_store(show)
    show.add_argument("key", help="the beginning of its key")
    show.set_defaults(act=show_result)


def _add_compare(compare: argparse.ArgumentParser) -> None:
    add_selection(compare, methods=False)
    compare.add_argument("ours", metavar="A", help="a method and its values, or a store")
    compare.add_argument("theirs", metavar="B", help="the same")
    compare.add_argument("--by", default="", metavar="METRIC", help="that orders the cases")
    compare.add_argument("-n", type=int, default=5, help="cases that are shown (default: 5)")
    add_format(compare)
    compare.set_defaults(act=_compare)


def _add_worst(worst: argparse.ArgumentParser) -> None:
    add_selection(worst, methods=False)
    worst.add_argument("metric", help="such as psnr_background")
    worst.add_argument(
        "--method", dest="spec", default="", help="a method and its values (default: all)"
    )
    worst.add_argument("-n", type=int, default=10, help="edits per data set (default: 10)")
    worst.add_argument("--best", action="store_true", help="the best edits instead")
    add_format(worst)
    worst.set_defaults(act=_worst)


def _compare(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.side_by_side import print_side_by_side
    from ids.results.side_by_side import compare_settings, compare_stores

    chosen, words = selection_of(args), (args.ours, args.theirs)
    _check_stores(words, args.output_dir)
    if all(word and Path(word).is_dir() for word in words):
        ours, theirs = (_frames(chosen, Path(word)) for word in (args.ours, args.theirs))
        found = compare_stores(ours, theirs, args.by)
    else:
        found = compare_settings(_frames(chosen), args.ours, args.theirs, args.by)
    print_side_by_side(found, max(0, args.n), args.format, args.output_dir)
    return 0


def _check_stores(words: Sequence[str], output_dir: Path) -> None:
    """`ConfigError` where one word is a store and the other one looks like a missing one."""
    from ids.core.errors import ConfigError

    stores = [word for word in words if word and Path(word, "results").is_dir()]
    for word in words if len(stores) == 1 else ():
        if not Path(word).is_dir() and ("/" in word or not output_dir.is_dir()):
            raise ConfigError(
                f"compare {word[:60]}: expected a folder of results, as {stores[0][:60]}; found "
                "none; check the path"
            )


def _worst(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.side_by_side import print_rankings
    from ids.results.ranking import worst

    frames = _frames(selection_of(args))
    found = worst(frames, args.metric, args.spec, max(1, args.n), args.best)
    print_rankings(found, args.format, args.output_dir)
    return 0


def show_result(args: argparse.Namespace, _: Sequence[str]) -> int:
    """`ids show`, and `ids results show`."""
    from ids.report.console import say
    from ids.report.pages.links import case_link
    from ids.results.catalog import open_store, read_catalog
    from ids.results.shelf import describe, find, rows_of

    store = open_store(args.output_dir)
    record, catalog = find(store, args.key), read_catalog(store)
    for line in describe(record, store, catalog):
        say(line)
    for title, entry in rows_of(record, catalog):
        if link := case_link(store.root, title, entry.row.case):
            say(f"page      {link}")
    return 0


def _frames(chosen: "Selection", root: Path | None = None) -> "list[GroupFrames]":
    """The selected results of a store, by data set and backbone."""
    from ids.core.errors import ConfigError
    from ids.results.catalog import open_store, read_catalog
    from ids.results.contrasts import GroupFrames

    store = open_store(root or chosen.output_dir)
    catalog = read_catalog(store)
    if not catalog.groups:
        raise ConfigError(
            f"{store.root}: expected results; found none; `ids run experiments=demo` makes some"
        )
    return [GroupFrames(group, store) for group in chosen.groups(catalog)]
