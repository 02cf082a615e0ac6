"""`ids compare` and `ids worst` as tables of text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from ids.core.text import shortened
from ids.report.console import say
from ids.report.pages.links import case_link
from ids.report.printing import Format, print_grids
from ids.report.render import TextGrid, number_text
from ids.results.ranking import RankedEdit, Ranking
from ids.results.side_by_side import CasePair, MetricPair, SideBySide

SHOWN_KEY, SHOWN_ID, SHOWN_PROMPT = 12, 60, 120  # characters; CSV and JSON have all
NOTE = (
    "ours, theirs: means over all cases of each. difference: of edits of the same case and seed, "
    "seeds averaged per case first; cases are those of both; [low, high]: its 95 % bootstrap "
    "interval over cases, not corrected for the number of metrics (`ids table --tests` is)."
)


def print_side_by_side(found: Sequence[SideBySide], n: int, kind: Format, output_dir: Path) -> None:
    """Of each: the metrics, and the `n` most different cases; as text with links to the page of
    the store, if it has one.
    """
    grids = [grid for each in found for grid in (_metrics(each), _cases(each, n))]
    lines = pd.DataFrame(line for each in found for line in _lines(each, n))
    print_grids(grids, lines, kind, [NOTE])
    if kind == "text":
        _say_links(
            output_dir, ((each.title, pair.case) for each in found for pair in each.cases[:n])
        )


def print_rankings(found: Sequence[Ranking], kind: Format, output_dir: Path) -> None:
    """A table per data set; links as `print_side_by_side`."""
    lines = [
        {"data": ranking.title, "metric": ranking.column.key, **_plain(asdict(edit))}
        for ranking in found
        for edit in ranking.edits
    ]
    print_grids(list(map(_ranking, found)), pd.DataFrame(lines), kind)
    if kind == "text":
        _say_links(output_dir, ((each.title, edit.case) for each in found for edit in each.edits))


def _say_links(output_dir: Path, cases: Iterable[tuple[str, str]]) -> None:
    """A line per case that the page shows, in the order of the tables."""
    links = (case_link(output_dir, title, case) for title, case in cases)
    for link in dict.fromkeys(filter(None, links)):
        say(f"images: {link}")


def _metrics(found: SideBySide) -> TextGrid:
    headers = ("metric", "cases", "ours", "theirs", "difference")
    title = f"{found.title}: {found.ours} (ours) - {found.theirs} (theirs)"
    return TextGrid(title, headers, tuple(map(_metric_line, found.metrics)))


def _metric_line(pair: MetricPair) -> tuple[str, ...]:
    digits, unit = pair.column.digits, pair.column.unit
    header = f"{pair.column.header} ({unit})" if unit else pair.column.header
    means = (number_text(side.value, digits) for side in (pair.ours, pair.theirs))
    found = pair.difference
    ends = [number_text(end, digits, sign=True) for end in (found.low, found.high)]
    value = number_text(found.value, digits, sign=True)
    interval = "" if "-" in ends else f" [{', '.join(ends)}]"
    return (header, str(found.n), *means, f"{value}{interval}")


def _cases(found: SideBySide, n: int) -> TextGrid:
    column = found.telling
    title = f"cases that differ most, by {column.title} (`ids show KEY` for one)"
    headers = ("case", "prompts", "keys", "ours", "theirs", "difference")
    lines = tuple(_case_line(pair, column.digits) for pair in found.cases[:n])
    return TextGrid(title, headers, lines, left=3)


def _case_line(pair: CasePair, digits: int) -> tuple[str, ...]:
    keys = " ".join(key[:SHOWN_KEY] for key in pair.keys)
    values = (number_text(value, digits) for value in (pair.ours, pair.theirs))
    difference = number_text(pair.difference, digits, sign=True)
    return (shortened(pair.id, SHOWN_ID), _prompts(pair.prompts), keys, *values, difference)


def _ranking(found: Ranking) -> TextGrid:
    headers = ("key", "method", "case", "prompts", "seed", found.column.header)
    digits = found.column.digits
    lines = tuple(_edit_line(edit, digits) for edit in found.edits)
    return TextGrid(f"{found.title}, by {found.column.title}", headers, lines, left=4)


def _edit_line(edit: RankedEdit, digits: int) -> tuple[str, ...]:
    seed = "-" if edit.seed < 0 else str(edit.seed)
    value, prompts = number_text(edit.value, digits), _prompts(edit.prompts)
    return (edit.key[:SHOWN_KEY], edit.label, shortened(edit.id, SHOWN_ID), prompts, seed, value)


def _prompts(prompts: Sequence[str]) -> str:
    return " -> ".join(shortened(prompt, SHOWN_PROMPT) for prompt in prompts)


def _lines(found: SideBySide, n: int) -> Iterator[dict[str, Any]]:
    """A line per number: of a metric, or of a case."""
    names = {"data": found.title, "ours": found.ours, "theirs": found.theirs}
    for pair in found.metrics:
        values = {"value_ours": pair.ours.value, "value_theirs": pair.theirs.value}
        numbers = {k: v for k, v in asdict(pair.difference).items() if k in ("low", "high", "n")}
        yield {
            **names,
            "metric": pair.column.key,
            "case": "",
            **values,
            "difference": pair.difference.value,
            **numbers,
        }
    for case in found.cases[:n]:
        values = {"value_ours": case.ours, "value_theirs": case.theirs}
        keys = dict(zip(("key_ours", "key_theirs"), case.keys, strict=True))
        place = {**names, "metric": found.telling.key, "case": case.id}
        yield {**place, **values, "difference": case.difference, **keys}


def _plain(edit: dict[str, Any]) -> dict[str, Any]:
    """With a column per prompt."""
    source, target = edit.pop("prompts")
    return {**edit, "source_prompt": source, "target_prompt": target}
