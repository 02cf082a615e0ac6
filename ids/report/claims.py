"""`ids claims`: verdicts as a table, or one by one with their reasons."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import get_args

import pandas as pd
from rich.text import Text

from ids.core.text import printable
from ids.report.console import open_console, say
from ids.report.printing import Format, print_grids
from ids.report.render import TextGrid
from ids.results.verdict import Outcome, Verdict

NUMBERS, LEAST = 56, 20  # characters that a line leaves for numbers, and for a claim at least
HEADERS = ("claim", "outcome", "statement", "data", "metric", "cases", "effect")


def print_verdicts(found: Sequence[Verdict], kind: Format) -> None:
    """The table of verdicts in this format, on stdout."""
    match kind:
        case "text":
            console = open_console()
            for grid in _by_data(found):
                console.print(Text(printable(grid.title), style="bold"), soft_wrap=True)
                numbers = 0 if grid.left == len(grid.headers) else NUMBERS
                console.print(grid.rich_table(max(LEAST, console.width - numbers)))
                console.print()
            say(summary(found), console)
            if remedy := _remedy(found):
                say(remedy, console)
        case _:
            print_grids([claims_grid(found)], pd.DataFrame(map(asdict, found)), kind)


def claims_grid(found: Sequence[Verdict]) -> TextGrid:
    """A line per verdict."""
    lines = tuple(
        (
            each.claim,
            each.outcome_text,
            each.statement,
            each.data or "-",
            each.metric,
            str(each.n_cases),
            each.effect_text,
        )
        for each in found
    )
    return TextGrid("claims", HEADERS, lines, left=5)


def print_claims(found: Sequence[Verdict]) -> None:
    """Everything about each verdict, one fact per line."""
    for verdict in found:
        for line in describe(verdict):
            say(line)


def describe(verdict: Verdict) -> Iterator[str]:
    """The lines about a verdict."""
    yield f"{verdict.claim}: {verdict.outcome_text}"
    facts = {
        "claim": f"{verdict.statement} ({'the paper' if verdict.by == 'paper' else 'ids'})",
        "reason": verdict.reason,
        "effect": f"{verdict.effect_text} of {verdict.metric}, {verdict.n_cases} cases"
        if verdict.effect is not None
        else "",
        "data": verdict.data,
        "command": verdict.command,
        "paper": verdict.paper,
    }
    yield from (f"  {name:<8} {text}" for name, text in facts.items() if text)


def summary(found: Sequence[Verdict]) -> str:
    """`3 hold, 1 does not hold, 2 inconclusive, 23 not run; `ids claims NAME` explains one`."""
    counts = Counter(verdict.outcome for verdict in found)
    many = {"holds": "hold", "does not hold": "do not hold"}
    parts = [
        f"{counts[name]} {name if counts[name] == 1 else many.get(name, name)}"
        for name in get_args(Outcome)
        if counts[name]
    ]
    return f"{', '.join(parts) or 'no claims'}; `ids claims NAME` explains one"


def _remedy(found: Sequence[Verdict]) -> str:
    """What makes the missing results; empty where none is missing."""
    missing = {verdict.by for verdict in found if verdict.outcome == "not run"}
    ways = {
        "paper": "`make paper` makes what the claims of the paper need",
        "ids": "the command of each of ids is in `ids claims NAME`",
    }
    found_ways = [text for by, text in ways.items() if by in missing]
    return f"not run: {'; '.join(found_ways)}" if found_ways else ""


def _by_data(found: Sequence[Verdict]) -> Iterator[TextGrid]:
    """For a terminal: a table per data set, and one of the claims that have not run."""
    ran = [verdict for verdict in found if verdict.outcome != "not run"]
    for data in dict.fromkeys(verdict.data for verdict in ran):
        lines = tuple(
            (
                each.outcome,
                f"{each.claim}: {each.statement}",
                str(each.n_cases),
                f"{each.effect_text} {each.metric}",
            )
            for each in ran
            if each.data == data
        )
        yield TextGrid(data, ("outcome", "claim", "cases", "effect"), lines, left=2)
    if missing := [f"{v.claim}: {v.statement}" for v in found if v.outcome == "not run"]:
        yield TextGrid("not run", ("claim",), tuple((text,) for text in missing), left=1)
