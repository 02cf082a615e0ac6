"""How reports are shown: on the terminal, or as text of a format; also as files."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from rich.text import Text

from ids.core.errors import ConfigError
from ids.core.text import printable
from ids.report.console import open_console
from ids.report.escape import for_markdown, latex_comment
from ids.report.export import encoded
from ids.report.figure import FIGURES
from ids.report.formats import as_json, latex, latex_table, markdown, markdown_table
from ids.report.render import TextGrid
from ids.results.grids import Report

Format = Literal["text", "markdown", "latex", "csv", "json"]


@dataclass(frozen=True)
class Printing:
    """`kind` of the output; `wide` text shows all columns; `write` files, too, with `figures` of
    these endings.
    """

    kind: Format = "text"
    wide: bool = False
    write: bool = False
    figures: Sequence[str] = ("png", "svg")

    def print(self, reports: Sequence[Report]) -> None:
        """All reports as one document; text was printed before, one by one."""
        if self.kind != "text":
            sys.stdout.write(document(reports, self.kind))


def print_grids(grids: Sequence[TextGrid], lines: pd.DataFrame, kind: Format) -> None:
    """Tables with their titles on stdout; CSV and JSON are of the `lines`, numbers in full."""
    match kind:
        case "text":
            console = open_console()
            for grid in grids:
                console.print(Text(printable(grid.title), style="bold"), soft_wrap=True)
                console.print(grid.rich_table())
                console.print()
        case "markdown":
            texts = (f"## {for_markdown(grid.title)}\n\n{markdown_table(grid)}" for grid in grids)
            sys.stdout.write("\n\n".join(texts) + "\n")
        case "latex":
            tables = (f"{latex_comment(grid.title)}\n{latex_table(grid)}" for grid in grids)
            sys.stdout.write("\n\n".join(tables) + "\n")
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


def document(reports: Sequence[Report], kind: Format) -> str:
    """Markdown and LaTeX one after the other; CSV with a line per number; one JSON list."""
    match kind:
        case "markdown":
            return "\n".join(map(markdown, reports))
        case "latex":
            return "\n".join(map(latex, reports))
        case "json":
            return json.dumps(list(map(as_json, reports)), indent=1, allow_nan=False) + "\n"
        case _:
            return encoded(number_lines(reports), "csv").decode()


def number_lines(reports: Sequence[Report]) -> pd.DataFrame:
    """A line per number of all grids, in full: report, table, method, against (empty for a mean),
    column, its unit, value, low, high, n, what is left out, and the test of a difference.
    """
    lines = [
        {
            "report": report.title,
            "table": grid.title,
            "method": row.method,
            "against": row.against or "",
            "column": column.key,
            "unit": column.unit,
            **cell.numbers,
        }
        for report in reports
        for grid in report.grids
        for row in grid.rows
        for column, cell in zip(grid.columns, row.cells, strict=True)
    ]
    return pd.DataFrame(lines)
