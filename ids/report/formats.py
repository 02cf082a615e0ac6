"""Reports as files: Markdown, LaTeX, HTML, CSV and JSON. Text from outside is escaped here."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ids.core.numbers import Number, to_number
from ids.report.escape import (
    for_csv,
    for_html,
    for_latex,
    for_markdown,
    latex_comment,
    markdown_paragraph,
)
from ids.report.render import TextGrid, names_of, text_grid
from ids.results.grids import Estimate, Grid, Report, Row

STYLE = (
    "body{font:14px/1.5 sans-serif;margin:2em;color:#1c1c1e}table{border-collapse:collapse}"
    "th,td{padding:.25em .8em;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}thead{border-bottom:2px solid}"
    "tbody tr:nth-child(even){background:#f4f4f6}p{color:#6a6a6e;max-width:80em}"
)


def markdown(report: Report) -> str:
    """A heading, a table per grid, and the notes."""
    parts = [f"# {for_markdown(report.title)}"]
    for grid in report.grids:
        parts += [f"## {for_markdown(grid.title)}", markdown_table(text_grid(grid))]
    return "\n\n".join([*parts, *map(markdown_paragraph, report.all_notes())]) + "\n"


def markdown_table(grid: TextGrid) -> str:
    """The lines of a pipe table."""
    cells = [
        [f"**{for_markdown(cell)}**" if bold else for_markdown(cell) for cell, bold in line]
        for line in _with_bold(grid)
    ]
    lines = [[for_markdown(cell) for cell in grid.headers], ["---" for _ in grid.headers], *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True)
class Caption:
    """The caption of LaTeX tables, as LaTeX text, and the label of the first; without a caption,
    tables do not float.
    """

    text: str = ""
    label: str = ""

    def around(self, table: str, title: str, number: int) -> str:
        """The table as a float; further ones have their title in the caption, and their number in
        the label.
        """
        if not self.text:
            return table
        text = self.text if number == 1 else f"{self.text} {for_latex(title)}."
        label = self.label if number == 1 else f"{self.label}-{number}"
        named = rf"\label{{{label}}}" if self.label else ""
        head = rf"\begin{{table}}\centering\caption{{{text}}}{named}"
        return f"{head}\n{table}\n\\end{{table}}"


NO_CAPTION = Caption()


def latex(report: Report, caption: Caption = NO_CAPTION, first: int = 1) -> str:
    """A `tabular` per grid, for `booktabs`; titles and notes are comments. `first` is the number of
    the first table.
    """
    tables = [
        caption.around(latex_table(text_grid(grid)), grid.title, number)
        for number, grid in enumerate(report.grids, first)
    ]
    parts = [latex_needs(tables), latex_comment(report.title)]
    for grid, lines in zip(report.grids, tables, strict=True):
        parts += ["", latex_comment(grid.title), lines]
    return "\n".join([*parts, "", *map(latex_comment, report.all_notes())]) + "\n"


def latex_needs(tables: Sequence[str]) -> str:
    """A comment on the packages, and the engine where a font of LaTeX lacks the characters."""
    engine = "" if "".join(tables).isascii() else ", and XeLaTeX or LuaLaTeX: not all text is ASCII"
    return latex_comment(rf"needs \usepackage{{booktabs}}{engine}")


def html(report: Report) -> str:
    """A page without scripts or links."""
    tables = "\n".join(
        f"<h2>{for_html(grid.title)}</h2>\n{_html_table(text_grid(grid))}" for grid in report.grids
    )
    notes = "\n".join(f"<p>{for_html(note)}</p>" for note in report.all_notes())
    title = for_html(report.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"{tables}\n{notes}\n</body>\n</html>\n"
    )


def csv_text(grid: Grid) -> str:
    """A line per row, numbers in full: per column the value, the ends of its interval, n, what is
    left out, and the test of a difference. What is missing is empty.
    """
    tag = [grid.tag] if grid.tag else []
    names = [*(["tag"] if tag else []), "method", *(["against"] if grid.paired else [])]
    counts = ["cases" if grid.paired or not grid.statuses else "ok", *grid.statuses]
    numbers = [
        (index, name) for index in range(len(grid.columns)) for name in _numbers(grid, index)
    ]
    cells = [
        grid.columns[index].key + ("" if name == "value" else f"_{name}") for index, name in numbers
    ]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(map(for_csv, (*names, *counts, *cells)))
    for row in grid.rows:
        found = (row.cells[index].numbers.get(name, math.nan) for index, name in numbers)
        counted = (row.cases, *row.others)
        writer.writerow([*map(for_csv, (*tag, *names_of(row))), *counted, *map(_number, found)])
    return written.getvalue()


def json_text(report: Report) -> str:
    """Numbers in full, infinite ones `"inf"`, null for what is missing; text unescaped but for
    JSON.
    """
    return json.dumps(as_json(report), indent=1, allow_nan=False) + "\n"


def as_json(report: Report) -> dict[str, Any]:
    """The same as an object."""
    return {
        "title": report.title,
        "grids": [_json_grid(grid) for grid in report.grids],
        "notes": report.all_notes(),
        "results": report.keys,
    }


def _with_bold(grid: TextGrid) -> list[list[tuple[str, bool]]]:
    """The lines of cells, each with whether it is bold."""
    return [
        [(cell, (row, column) in grid.bold) for column, cell in enumerate(line)]
        for row, line in enumerate(grid.lines)
    ]


def latex_table(grid: TextGrid) -> str:
    """A `tabular` for `booktabs`."""
    numbers = len(grid.headers) - grid.left
    head = " & ".join(map(for_latex, grid.headers))
    lines = [" & ".join(_latex_cells(line, grid.left)) for line in _with_bold(grid)]
    rows = "\n".join(rf"{line} \\" for line in lines)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{'l' * grid.left}{'r' * numbers}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *([rows] if rows else []),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _latex_cells(line: Sequence[tuple[str, bool]], left: int) -> list[str]:
    """Numbers as formulas, so that minus signs are minus signs."""
    labels = (for_latex(text) for text, _ in line[: left + 1])  # and the number of cases
    return [*labels, *(_latex_number(*cell) for cell in line[left + 1 :])]


def _latex_number(text: str, bold: bool = False) -> str:
    """`$27.98 \\pm 0.42$ (n=3)`; a remark is text."""
    number, space, remark = text.partition(" (")
    formula = number.replace("±", r"\pm").replace("*", "^{*}").replace("<", "{<}")
    formula = formula.replace("inf", r"\infty")
    formula = rf"\mathbf{{{formula}}}" if bold else formula
    return ("--" if number == "-" else f"${formula}$") + for_latex(space + remark)


def _html_table(grid: TextGrid) -> str:
    head = "".join(f"<th>{for_html(header)}</th>" for header in grid.headers)
    rows = "\n".join(
        f"<tr>{''.join(_html_cell(*cell) for cell in line)}</tr>" for line in _with_bold(grid)
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _html_cell(text: str, bold: bool) -> str:
    return f"<td><b>{for_html(text)}</b></td>" if bold else f"<td>{for_html(text)}</td>"


def _numbers(grid: Grid, index: int) -> Sequence[str]:
    """The names of the numbers of a column."""
    if grid.columns[index].derived:
        return ("value",)
    return list({name: None for row in grid.rows for name in row.cells[index].numbers})


def _number(value: float | int) -> float | int | str:
    return "" if math.isnan(value) else value


def _json_grid(grid: Grid) -> dict[str, Any]:
    return {
        "title": grid.title,
        **({"tag": grid.tag} if grid.tag else {}),
        "interval": f"95 % {grid.interval}",
        "columns": [asdict(column) for column in grid.columns],
        "rows": [_json_row(grid, row) for row in grid.rows],
    }


def _json_row(grid: Grid, row: Row) -> dict[str, Any]:
    names = dict(zip(("method", "against"), names_of(row), strict=False))
    others = dict(zip(grid.statuses, row.others, strict=True))
    counts = {"ok": row.cases, **others} if grid.statuses else {"cases": row.cases}
    cells = zip(grid.columns, row.cells, strict=True)
    values = {column.key: _json_cell(cell) for column, cell in cells}
    return {**names, **counts, "cells": values}


def _json_cell(cell: Estimate) -> dict[str, Number]:
    return {n: to_number(x) if isinstance(x, float) else x for n, x in cell.numbers.items()}
