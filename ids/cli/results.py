"""The `ids results` command: list, show, export, rm, check."""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ids.cli.comparing import show_result
from ids.cli.selecting import add_selection, add_store, selection_of
from ids.core.text import counted

FORMAT = argparse.RawDescriptionHelpFormatter
Act = Callable[[argparse.Namespace, Sequence[str]], int]
RESULTS = """list, show, export, remove and check the results of a store

  ids results list                             every result, and the row it answers
  ids results list --method ids --where guidance_scale=3
  ids results list --orphans                   results of prompts or images that have changed
  ids results show 3fb1c2                      one result, by the beginning of its key
  ids results export edits.csv                 numbers for other programs: csv, json, parquet
  ids results export --json | jq .             or to the terminal
  ids results export curves.parquet --states   a line per kept state
  ids results rm --method sds --yes            remove results; without --yes they are counted
  ids results rm --orphans --yes
  ids results check                            checksums of every file, and leftovers
"""
LIST = """list results and the rows they answer

  ids results list
  ids results list --dataset shapes --method ids --where guidance_scale=3
  ids results list --orphans
"""
SHOW = """show all about one result

  ids results show 3fb1c2
"""
EXPORT = """write numbers for other programs, one line per edit

  ids results export edits.csv
  ids results export curves.parquet --states   a line per kept state
  ids results export --json | jq .             to the terminal
"""
REMOVE = """remove results; without --yes they are counted

  ids results rm --method sds --where guidance_scale=3 --yes
  ids results rm --orphans --yes
"""
CHECK = """verify the checksum of every file, and name leftovers

  ids results check
  ids results check --output-dir outputs
"""


def add_parser(commands: Any) -> None:
    """Add `results` and its subcommands."""
    results = commands.add_parser(
        "results",
        help="list, show, export, remove, check",
        description=RESULTS,
        formatter_class=FORMAT,
    )
    verbs = results.add_subparsers(
        dest="what", required=True, metavar="{list,show,export,rm,check}"
    )
    _add_list(_verb(verbs, "list", LIST, _list))
    _add_show(_verb(verbs, "show", SHOW, show_result))
    _add_export(_verb(verbs, "export", EXPORT, _export))
    _add_rm(_verb(verbs, "rm", REMOVE, _rm))
    add_store(_verb(verbs, "check", CHECK, _check))


def _verb(verbs: Any, name: str, description: str, act: Act) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=description.partition("\n")[0], description=description, formatter_class=FORMAT
    )
    parser.set_defaults(act=act)
    return parser


def _add_list(listing: argparse.ArgumentParser) -> None:
    add_selection(listing)
    listing.add_argument("--orphans", action="store_true", help="those that answer no row")


def _add_show(show: argparse.ArgumentParser) -> None:
    add_store(show)
    show.add_argument("key", help="the beginning of its key")


def _add_export(export: argparse.ArgumentParser) -> None:
    add_selection(export)
    export.add_argument("file", type=Path, nargs="?", help="default: to the terminal")
    for kind in ("csv", "json", "parquet"):
        export.add_argument(
            f"--{kind}", dest="kind", action="store_const", const=kind, help=f"as {kind}"
        )
    export.add_argument("--states", action="store_true", help="a line per kept state")


def _add_rm(rm: argparse.ArgumentParser) -> None:
    add_selection(rm)
    rm.add_argument("--all", action="store_true", help="every result")
    rm.add_argument("--orphans", action="store_true", help="those that answer no row")
    rm.add_argument("--failed", action="store_true", help="those that are not ok")
    rm.add_argument("--old", action="store_true", help="those of version 0.1")
    rm.add_argument("--aside", action="store_true", help="files that were in the way of results")
    rm.add_argument("--yes", action="store_true", help="remove them; else they are counted")


def _list(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.console import open_console, say
    from ids.report.render import TextGrid

    _, catalog, found = _chosen(args)
    headers = ("key", "status", "method", "data set", "case", "seed", "made")
    lines = tuple(line.cells() for line in found)
    TextGrid("results", headers, lines, left=len(headers)).print(open_console(wide=True))
    for note in catalog.notes():
        say(f"note: {note}")
    if not found:
        say(f"{args.output_dir}: no such results")
    return int(not found)


def _export(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.console import say
    from ids.report.export import encoded, format_of
    from ids.results.catalog import open_store, read_catalog
    from ids.results.export import export_frame

    kind, store = format_of(args.kind, args.file), open_store(args.output_dir)
    found = export_frame(selection_of(args).groups(read_catalog(store)), store, args.states)
    if found.empty:
        say(f"{args.output_dir}: no such results")
        return 1
    content = encoded(found, kind)
    if args.file is None:
        sys.stdout.write(content.decode())
        return 0
    args.file.write_bytes(content)
    say(f"{counted(len(found), 'line')}, {len(found.columns)} columns: {args.file}")
    return 0


def _rm(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.core.errors import ConfigError
    from ids.report.console import say
    from ids.results.shelf import removable, remove, remove_everything

    some = (args.method, args.tag, args.case, args.where, args.failed)  # of a data set
    chosen = (args.dataset, args.orphans, *some)
    if not any((*chosen, args.all, args.old, args.aside)):
        raise ConfigError(
            "results rm: expected what to remove; got nothing; --all removes everything"
        )
    if args.all and any(chosen):
        raise ConfigError(
            "results rm --all: expected no other selection; it removes everything; leave one out"
        )
    store, catalog, found = _chosen(args)
    if args.failed:
        found = [line for line in found if line.record.status != "ok"]
    keys, shared = removable(catalog, found if any(chosen) else [])
    keys += [look.key for look in catalog.problems if args.old and look.kind == "old"]
    keys = list(store.all_keys()) if args.all else keys
    say(counted(len(keys), "result") + ("" if args.yes else "; --yes removes them"))
    if shared:
        say(f"{shared} more answer other rows as well, and stay")
    if args.yes:
        gone, busy = remove(store, keys)
        say(f"removed: {gone}" + (f"; {busy} are in use, and stay" if busy else ""))
        if args.all and not busy:
            remove_everything(store)
        elif args.aside:
            shutil.rmtree(store.root / "aside", ignore_errors=True)
        if args.dataset and not any(some):
            _forget(store, args.dataset)
    return 0


def _forget(store: Any, name: str) -> None:
    """Data sets whose results were removed as a whole."""
    from ids.run.manifest import Manifests

    Manifests(store.root / "datasets", store.claims, store.numbers).forget(name)


def _check(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.console import say
    from ids.results.catalog import open_store, read_catalog
    from ids.results.shelf import faults

    store, count = open_store(args.output_dir), 0
    for fault in faults(store):
        say(fault)
        count += 1
    for record in read_catalog(store).orphans:
        say(f"orphan: {record.key}: it answers no row")
    for path in sorted(store.root.glob("aside/*")):
        say(f"aside: {path}; `ids results rm --aside --yes` removes it")
    total = sum(1 for _ in store.all_keys())
    remedy = "; rerun the commands of damaged results to make them again" if count else ""
    say(f"{counted(total, 'result')}, {counted(count, 'fault')}{remedy}")
    return int(count > 0)


def _chosen(args: argparse.Namespace) -> tuple[Any, Any, list[Any]]:
    from ids.results.catalog import open_store, read_catalog
    from ids.results.shelf import lines

    store = open_store(args.output_dir)
    catalog = read_catalog(store)
    chosen = selection_of(args)
    if args.orphans:
        return store, catalog, lines(catalog, [], chosen.orphans(catalog))
    return store, catalog, lines(catalog, chosen.groups(catalog, strict=True), [])
