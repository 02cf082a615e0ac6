"""Fetch the weights that presets need, on a machine with internet access. Digests are checked.

    python scripts/fetch_weights.py pie sd15                 # metrics=pie, and backbone=sd15
    python scripts/fetch_weights.py metrics=pie clip=vit_b32 # words of `ids run`
    python scripts/fetch_weights.py paper --dry-run          # what, from where, how large, to where
    python scripts/fetch_weights.py paper sd15 --to weights  # a folder for a machine without access

Files that exist are not fetched again, unless their digest is wrong. What broke off is continued by
the same command. With --to, the environment variables for the other machine are printed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ids.doctor.fetch import Plan


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 1 if a file cannot be fetched, 2 for an unknown preset."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="+", metavar="PRESET | group=option")
    parser.add_argument("--dry-run", action="store_true", help="fetch nothing")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="instead of the caches")
    args = parser.parse_args(argv)
    variables = _places(args.to.resolve()) if args.to else {}
    os.environ.update(variables)  # before the libraries read them

    from ids.core.errors import IdsError
    from ids.core.text import counted
    from ids.doctor.fetch import plan

    try:
        files = plan(args.presets)
    except IdsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    failed = [file for file in files if not _handled(file, args.dry_run)]
    wanted = sum(file.wanted for file in files)
    print(f"{counted(len(files), 'file')}, {wanted} to fetch, {len(failed)} failed")
    if variables and not args.dry_run:
        print(f"copy {args.to} with `cp -a` or `rsync -a`, and set there, with its place there:")
        print("\n".join(f"  export {name}={place}" for name, place in variables.items()))
        print("  export HF_HUB_OFFLINE=1")
    return int(bool(failed))


def _handled(planned: "Plan", dry_run: bool) -> bool:
    """Fetch one file, a line about it; False where that fails."""
    from ids.core.errors import IdsError
    from ids.doctor.fetch import fetch, remote_size

    try:
        if planned.wanted and dry_run:
            print(f"would fetch {planned.describe()} ({remote_size(planned.file)})")
        elif planned.wanted:
            print(f"fetching {planned.describe()}", flush=True)
            fetch(planned.file)
        else:
            print(planned.describe())
    except IdsError as error:
        print(f"FAILED {planned.file.what}: {error}")
        return False
    return True


def _places(folder: Path) -> dict[str, str]:
    """The variables by which the libraries find their caches in a folder."""
    return {"HF_HUB_CACHE": str(folder / "huggingface"), "TORCH_HOME": str(folder / "torch")}


if __name__ == "__main__":
    sys.exit(main())
