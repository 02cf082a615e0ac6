"""How reports are shown: on the terminal, or as text of a format; also as files."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import pandas as pd
from rich.text import Text

from ids.core.errors import ConfigError
from ids.core.text import printable
from ids.report.console import open_console
from ids.report.escape import for_markdown, latex_comment, markdown_paragraph
from ids.report.export import encoded
from ids.report.figure import FIGURES
from ids.report.formats import (
    NO_CAPTION,
    Caption,
    as_json,
    latex,
    latex_needs,
    latex_table,
    markdown,
    markdown_table,
)
from ids.report.render import TextGrid
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, Report

Format = Literal["text", "markdown", "latex", "csv", "json"]


@dataclass(frozen=True)
class Printing:
    """`kind` of the output; `wide` text shows all columns; `write` files, too, with `figures` of
    these endings. LaTeX has this `caption`.
    """

    kind: Format = "text"
    wide: bool = False
    write: bool = False
    figures: Sequence[str] = ("png", "svg")
    caption: Caption = NO_CAPTION

    def print(self, reports: Sequence[Report]) -> None:
        """All reports as one document; text was printed before, one by one."""
        if self.kind != "text":
            sys.stdout.write(document(reports, self.kind, self.caption))


def print_grids(
    grids: Sequence[TextGrid], lines: pd.DataFrame, kind: Format, notes: Sequence[str] = ()
) -> None:
    """Tables with their titles on stdout, and the notes; CSV and JSON are of the `lines`, numbers
    in full.
    """
    match kind:
        case "text":
            console = open_console()
            for grid in grids:
                console.print(Text(printable(grid.title), style="bold"), soft_wrap=True)
                console.print(grid.rich_table())
                console.print()
            for note in notes:
                console.print(Text(printable(note), style="dim"))
        case "markdown":
            tables = [f"## {for_markdown(grid.title)}\n\n{markdown_table(grid)}" for grid in grids]
            texts = [*tables, *map(markdown_paragraph, notes)]
            sys.stdout.write("\n\n".join(texts) + "\n")
        case "latex":
            tables = [f"{latex_comment(grid.title)}\n{latex_table(grid)}" for grid in grids]
            texts = [latex_needs(tables), *tables, *map(latex_comment, notes)]
            sys.stdout.write("\n\n".join(texts) + "\n")
        case _:
            sys.stdout.write(encoded(lines, kind).decode())


def parse_figures(text: str) -> tuple[str, ...]:
    """`svg,pdf` as endings; `ConfigError` for another format."""
    endings = tuple(dict.fromkeys(text.replace(" ", "").lower().split(",")))
    if wrong := [ending for ending in endings if ending not in FIGURES]:
        raise ConfigError(
            f"--figures: expected some of {', '.join(FIGURES)}; got {wrong[0]!r}; change it"
        )
    return endings


def document(reports: Sequence[Report], kind: Format, caption: Caption = NO_CAPTION) -> str:
    """Markdown and LaTeX one after the other; CSV with a line per number; one JSON list."""
    match kind:
        case "markdown":
            return "\n".join(map(markdown, reports))
        case "latex":
            starts = accumulate((len(report.grids) for report in reports), initial=1)
            texts = (latex(of, caption, start) for of, start in zip(reports, starts, strict=False))
            return "\n".join(texts)
        case "json":
            return json.dumps(list(map(as_json, reports)), indent=1, allow_nan=False) + "\n"
        case _:
            return encoded(number_lines(reports), "csv").decode()


def number_lines(reports: Sequence[Report]) -> pd.DataFrame:
    """A line per number of all grids, in full: report, table, tag (where a report is by tag),
    method, against (empty for a mean), column, its unit, metric as stored, value, low, high, n,
    what is left out, the kind of interval (empty without one), and the test of a difference.
    """
    by_tag = any(grid.tag for report in reports for grid in report.grids)
    lines = [
        {
            "report": report.title,
            "table": grid.title,
            **({"tag": grid.tag} if by_tag else {}),
            "method": row.method,
            "against": row.against or "",
            "column": column.key,
            "unit": column.unit,
            "metric": column.metric,
            "interval": _interval(grid, column, cell),
            **cell.numbers,
        }
        for report in reports
        for grid in report.grids
        for row in grid.rows
        for column, cell in zip(grid.columns, row.cells, strict=True)
    ]
    return pd.DataFrame(lines)


def _interval(grid: Grid, column: Column, cell: Estimate) -> str:
    """`95 % bootstrap over cases`; empty without an interval."""
    over = "batches" if column.measured else "cases"
    return "" if math.isnan(cell.low) else f"95 % {grid.interval} over {over}"
