"""Write the tables of documents from a store, or check that they are current.

    python scripts/write_tables.py README.md docs/claims.md            # rewrites what is marked
    python scripts/write_tables.py README.md docs/claims.md --check    # exit 1 where one differs

A table stands between two comments; the first names the command, whose Markdown it is. `table 1`
is the first table of that command alone.

    <!-- table 1: ids table --dataset shapes-dev --column success -->
    <!-- /table -->

Numbers may differ by one unit of their last digit: another machine rounds differently.
"""

import argparse
import io
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from decimal import Decimal
from pathlib import Path

from ids.cli.entry import main as ids_main
from ids.core.errors import ConfigError, IdsError

MARKED = re.compile(r"(<!-- table(?: (\d+))?: ids (.*?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
Run = Callable[[Sequence[str]], str]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--output-dir", default="outputs", help="the store")
    args = parser.parse_args(words)

    def run(command: Sequence[str]) -> str:
        return run_ids([*command, "--format", "markdown", "--output-dir", args.output_dir])

    try:
        stale = [line for file in args.files for line in update(file, run, args.check)]
    except IdsError as error:
        print(f"write_tables: {error}", file=sys.stderr)
        return 2
    for line in stale:
        print(line)
    return int(args.check and bool(stale))


def update(file: Path, run: Run, check: bool = False) -> list[str]:
    """A line per table that is not current; rewrites them unless `check`. `ConfigError` for a
    marker without its end, and for a command that fails.
    """
    text, stale = file.read_text(encoding="utf-8"), []
    if text.count("<!-- table") != len(MARKED.findall(text)):
        raise ConfigError(
            f"{file}: expected `<!-- table: ids ... -->` before and `<!-- /table -->` behind each "
            "table; got a marker alone; add the other"
        )

    def written(found: re.Match[str]) -> str:
        head, place, command, old, end = found.groups()
        new = tables(run(shlex.split(command)), int(place or 0))
        if equal(old, new):
            return found[0]
        stale.append(f"{file}: the table of `ids {command}` is not current")
        return f"{head}{new}{end}"

    new_text = MARKED.sub(written, text)
    if new_text != text and not check:
        file.write_text(new_text, encoding="utf-8")
    return stale


def tables(markdown: str, place: int = 0) -> str:
    """The pipe tables of a document, without headings and notes; the one at a place (from 1), or
    all of them.
    """
    found = re.findall(r"^\|.*(?:\n\|.*)*", markdown, re.MULTILINE)
    chosen = found[place - 1 : place] if place else found
    if not chosen:
        raise ConfigError(
            f"table {place or ''}: expected a table; got {len(found)}; change the marker"
        )
    return "\n" + "\n\n".join(chosen) + "\n\n"


def equal(old: str, new: str) -> bool:
    """Is the text the same, and each number but for one unit of its last digit?"""
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        return False
    numbers = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    return all(_close(Decimal(a), Decimal(b)) for a, b in numbers)


def _close(a: Decimal, b: Decimal) -> bool:
    digits = a.as_tuple().exponent
    if digits != b.as_tuple().exponent:
        return False
    return a == b if digits == 0 else abs(a - b) <= Decimal((0, (1,), int(digits)))


def run_ids(words: Sequence[str]) -> str:
    """What `ids WORDS` prints; `ConfigError` where it fails."""
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            ids_main(words)
    except SystemExit as end:
        if end.code not in (0, None):
            raise ConfigError(
                f"`ids {shlex.join(words)}`: expected exit status 0; got {end.code}; run it alone"
            ) from end
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
