"""The `ids claims` command."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ids.cli.saying import say, say_all
from ids.cli.selecting import add_format, add_store
from ids.core.errors import ConfigError
from ids.core.text import counted

if TYPE_CHECKING:
    from ids.results.claim import Claim
    from ids.results.verdict import Verdict

CLAIMS = """print which claims hold in a store: effect, 95 % interval, cases, data

  ids claims
  ids claims --by paper                        the paper's claims; --by ids: this project's
  ids claims paper_lambda                      one with reason, command and the paper's numbers
  ids claims --claims mine                     claims of a folder of your own (docs/claims.md)
  ids claims --format markdown                 also latex, csv, json
  ids claims --write                           store the verdicts in claims/verdicts.json
  ids claims --strict                          exit 1 where one is no longer the stored one

Exit status: 0; 1 with --strict and a changed outcome; 2 for a wrong flag or claim.
"""


def add_parser(commands: Any) -> None:
    """Add `claims`."""
    claims = commands.add_parser(
        "claims",
        help="which claims hold",
        description=CLAIMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_store(claims)
    claims.add_argument("names", nargs="*", metavar="NAME", help="only these claims, in full")
    claims.add_argument("--by", choices=("paper", "ids"), default="", help="whose claims")
    claims.add_argument(
        "--claims",
        action="append",
        type=Path,
        metavar="DIR",
        help="claims of this folder instead of the package's (repeatable)",
    )
    claims.add_argument("--dataset", default="", help="only data sets whose name begins with this")
    claims.add_argument(
        "--verdicts", type=Path, metavar="FILE", help="default: verdicts.json beside the claims"
    )
    claims.add_argument("--strict", action="store_true", help="exit 1 where an outcome changed")
    claims.add_argument("--write", action="store_true", help="store these verdicts")
    add_format(claims)
    claims.set_defaults(act=_claims)


def _claims(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.claims import print_claims, print_verdicts
    from ids.results.claim import package_claims
    from ids.results.stored_verdicts import FILE, changed, read_verdicts, write_verdicts

    folders = args.claims or [package_claims()]
    file = args.verdicts or folders[-1] / FILE
    known = read_verdicts(file) if args.strict or args.write else []
    found = _verdicts(args, folders)
    if args.names and args.format == "text":
        print_claims(found)
    else:
        print_verdicts(found, args.format)
    differences = changed(found, known) if args.strict else []
    say_all(differences)
    if args.write:
        say(f"{counted(write_verdicts(file, found, known), 'verdict')} written: {file}")
    return int(bool(differences))


def _verdicts(args: argparse.Namespace, folders: Sequence[Path]) -> "list[Verdict]":
    """Of the chosen claims, in the store."""
    from ids.results.claim import by_whom, read_claims

    claims = read_claims(folders)
    if unknown := [name for name in args.names if name not in claims]:
        raise ConfigError(
            f"claims: expected a claim ({', '.join(claims)}); got {unknown[0][:60]!r}; change it"
        )
    chosen = {name: claims[name] for name in args.names or claims}
    return verdicts_in(args, by_whom(chosen, args.by))


def verdicts_in(args: argparse.Namespace, claims: "Mapping[str, Claim]") -> "list[Verdict]":
    """On these claims, from the chosen data sets of the store."""
    from ids.results.catalog import open_store, read_catalog
    from ids.results.selection import Selection
    from ids.results.verdicts import verdicts

    store = open_store(args.output_dir)
    groups = Selection(args.output_dir, args.dataset).groups(read_catalog(store))
    return verdicts(claims, groups, store)
