"""The rows of a table for a paper: chosen settings in a chosen order, under other names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.results.contrasts import fitting
from ids.results.grids import Grid, Report
from ids.results.labels import labelled, settings_of

EXAMPLE = '--row "IDS (ours)=ids guidance_scale=7.5"'


@dataclass(frozen=True)
class NamedRow:
    """`name` of the setting that fits `spec`: a method and its values."""

    name: str
    spec: str


def parse_rows(words: Sequence[str]) -> tuple[NamedRow, ...]:
    """`NAME=METHOD KEY=VALUE ...` of each. `ConfigError` for another form, and a repeated name."""
    rows: list[NamedRow] = []
    for word in words:
        name, _, spec = (part.strip() for part in word.partition("="))
        if not (name and spec) or "=" in spec.split()[0]:
            raise ConfigError(
                f"--row: expected NAME=METHOD and values; got {word[:60]!r}; write it as {EXAMPLE}"
            )
        if any(row.name == name for row in rows):
            raise ConfigError(
                f"--row: expected different names; got {name[:60]!r} twice; change one"
            )
        rows.append(NamedRow(name, spec))
    return tuple(rows)


def names_of_rows(lines: pd.DataFrame, rows: Sequence[NamedRow]) -> dict[str, str]:
    """Label -> name of the settings of a frame that the rows choose, in their order; rows without a
    setting are left out. `ConfigError` where several settings fit a row, or one fits two;
    `DataError` where no row has any.
    """
    settings, names = settings_of(lines), dict[str, str]()
    for row in rows:
        found = fitting(settings, row.spec)
        if len(found) > 1 or names.keys() & found:
            raise ConfigError(
                f"--row {row.name[:60]}: expected one setting that no other row has; got "
                f"{', '.join(found)}; add values"
            )
        names |= dict.fromkeys(found, row.name)
    if not names:
        raise DataError(
            f"--row: expected a row with a setting ({', '.join(settings['label'])}); got none; "
            "change the values"
        )
    return names


def lines_of_rows(lines: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The lines of the chosen settings."""
    return lines[labelled(lines, names.__contains__)]


def renamed(report: Report, names: Mapping[str, str]) -> Report:
    """A report of the chosen settings, with their names, in their order."""
    place = {label: number for number, label in enumerate(names)}

    def of(grid: Grid) -> Grid:
        rows = sorted(grid.rows, key=lambda row: place[row.method])
        return replace(
            grid,
            rows=tuple(
                replace(row, method=names[row.method], against=names.get(row.against or ""))
                for row in rows
            ),
        )

    title = f"{report.title}: {', '.join(names.values())}"
    return replace(report, title=title, grids=tuple(map(of, report.grids)))
