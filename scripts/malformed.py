"""Try the command line on malformed and unusual input: one-line errors or right results.

    python scripts/malformed.py                  # all: a table of verdicts; 1 after a fault
    python scripts/malformed.py --kind masks     # one kind
    python scripts/malformed.py --list           # the names of all tries
    python scripts/malformed.py --verbose        # and every message

clear: refused in one line before any work, nothing written. accepted: the results equal the
expected ones. Faults are: unexpected (a traceback, another status or message), hang (time limit
exceeded), wrong (misread input, a wrong number, a damaged file).
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from malformed_tries.every import TRIES
from malformed_tries.place import load_imports
from malformed_tries.running import outcomes
from malformed_tries.trying import GOOD, VERDICTS, Outcome, Try


def main(argv: Sequence[str] | None = None) -> int:
    kinds = list(dict.fromkeys(trial.kind for trial in TRIES))
    args = _parser(kinds).parse_args(argv)
    tries = [t for t in TRIES if args.kind in (None, t.kind) and args.name in t.name]
    if args.list:
        for trial in tries:
            print(f"{trial.kind:16} {trial.name}")
        print(f"{len(tries)} tries")
        return 0
    return report(tries, args.jobs, args.verbose)


def report(tries: Sequence[Try], jobs: int, verbose: bool) -> int:
    """Run the tries, print the table and the faults; 1 after any fault."""
    load_imports()
    found: list[tuple[Try, Outcome]] = []
    for trial, outcome in outcomes(tries, jobs):
        found.append((trial, outcome))
        if verbose:
            print(f"{_line(trial, outcome)} ({outcome.seconds:.1f} s)", flush=True)
    _print_table(found)
    faults = [(trial, outcome) for trial, outcome in found if outcome.verdict not in GOOD]
    for trial, outcome in faults:
        print(_line(trial, outcome))
    return int(bool(faults) or not found)


def _print_table(found: Sequence[tuple[Try, Outcome]]) -> None:
    print(f"{'kind':16}" + "".join(f"{verdict:>12}" for verdict in VERDICTS))
    for kind in (*dict.fromkeys(trial.kind for trial, _ in found), "all"):
        count = Counter(o.verdict for t, o in found if kind in (t.kind, "all"))
        print(f"{kind:16}" + "".join(f"{count[verdict]:12}" for verdict in VERDICTS))


def _line(trial: Try, outcome: Outcome) -> str:
    return f"{outcome.verdict}: {trial.kind}: {trial.name}: {outcome.message}"


def _parser(kinds: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=kinds, help="only this kind")
    parser.add_argument("--name", default="", help="only tries whose name contains this")
    parser.add_argument("--list", action="store_true", help="print the tries and stop")
    parser.add_argument("--verbose", action="store_true", help="print every message")
    parser.add_argument("--jobs", type=int, default=2, help="parallel tries")
    return parser


if __name__ == "__main__":
    sys.exit(main())
