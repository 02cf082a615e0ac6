"""Tables of text, row by row: CSV, JSON lines and YAML. Cells keep the text of the file."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ids.core.errors import DataError
from ids.data.events import rows_of_yaml
from ids.data.messages import quote, shorten
from ids.data.table_columns import KNOWN, LISTS, misnamed, renames, uneven

ENDINGS = (".csv", ".jsonl", ".yaml", ".yml")
MAX_BYTES = 4 * 2**20
MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_CELL = 10_000  # characters
SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}


Cell = str | tuple[str, ...]  # a list: one text per target


@dataclass(frozen=True)
class Row:
    """The cells of one edit by column, and the first line of its row in the file."""

    line: int
    cells: Mapping[str, str]
    fault: str = ""  # why the row cannot be used
    number: int = 1  # of the row in the table
    part: int | None = None  # of the target, from 1, where the row has a list of targets


class _Line(NamedTuple):
    """A row as it is in the file."""

    line: int
    cells: Mapping[str, Cell]
    fault: str = ""


def read_table(table: Path) -> list[Row]:
    """All edits, faulty ones with their fault: one per row, or one per target of a row with a list
    of targets. `DataError` for a file that is not a table, is too large, or has no rows.
    """
    text = _text(table)
    where = shorten(table)
    reader = {".csv": _rows_of_csv, ".jsonl": _rows_of_jsonl}.get(
        table.suffix.lower(), _rows_of_yaml
    )
    edits = (
        edit for number, line in enumerate(reader(text, where), 1) for edit in _edits(number, line)
    )
    rows = list(islice(edits, MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise DataError(f"{where}: expected at most {MAX_ROWS} edits; got more; split the table")
    if not rows:
        raise DataError(f"{where}: expected one row per edit; got none")
    faults = {columns: misnamed(columns) for columns in {tuple(row.cells) for row in rows}}
    return [
        replace(row, fault=row.fault or _fault(row.cells) or faults[tuple(row.cells)])
        for row in rows
    ]


def _edits(number: int, row: _Line) -> Iterator[Row]:
    """The edits of a row, its columns under our names. Cells that list one text per target are
    distributed over them.
    """
    new = renames(tuple(row.cells))
    cells = {new.get(column, column): cell for column, cell in row.cells.items()}
    texts = {column: cell for column, cell in cells.items() if isinstance(cell, str)}
    if len(texts) == len(cells):
        yield Row(row.line, texts, row.fault, number)
        return
    lists = {column: cell for column, cell in cells.items() if isinstance(cell, tuple)}
    if fault := uneven(lists):
        yield Row(row.line, texts, fault, number)
        return
    for part, values in enumerate(zip(*lists.values(), strict=True), start=1):
        own = dict(zip(lists, values, strict=True))
        at = {column: own.get(column, cell) for column, cell in cells.items()}
        yield Row(row.line, at, row.fault, number, part)


def _text(table: Path) -> str:
    where = shorten(table)
    if table.suffix.lower() not in ENDINGS:
        raise DataError(f"{where}: expected a table that ends in {', '.join(ENDINGS)}; rename it")
    try:
        size = table.stat().st_size
        content = table.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise DataError(f"{where}: expected a readable table; {error.strerror}") from error
    if size > MAX_BYTES:
        raise DataError(
            f"{where}: expected at most {MAX_BYTES >> 20} MiB; got {size / 2**20:.1f}; "
            "split the table"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        kind = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        raise DataError(
            f"{where} line {line}: expected UTF-8; got {kind}; save the table as UTF-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{where} line {line}: expected text; got a NUL byte; save it as UTF-8")
    return text


def _rows_of_csv(text: str, where: str) -> Iterator[_Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1  # a quoted cell may span several lines: the row begins here
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{where} line {line}: expected CSV; {error}; check the quotes of this row"
            ) from error
        if not "".join(cells).strip() and len(cells) < 2:
            continue
        if header:
            fault = _shifted(header, cells)
            yield _Line(line, dict(zip(header, cells, strict=False)), fault)
        else:
            header = _header(cells, f"{where} line {line}")


def _shifted(header: Sequence[str], cells: Sequence[str]) -> str:
    if len(cells) == len(header):
        return ""
    return (
        f"expected {len(header)} cells, as in the header; got {len(cells)}; put text that holds a "
        'comma in "quotes"'
    )


def _header(cells: Sequence[str], where: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    for separator, name in SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            raise DataError(
                f"{where}: expected columns separated by commas; got {name}; save it with commas"
            )
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{where}: expected at most {MAX_COLUMNS} columns; got {len(header)}")
    fault = "a column without a name" if "" in header else ""
    twice = next((column for column in header if header.count(column) > 1), "")
    fault = fault or (f"{quote(twice)} twice" if twice else "")
    if fault:
        raise DataError(f"{where}: expected a different name for every column; got {fault}")
    new = renames(header)
    if fault := misnamed([new.get(column, column) for column in header]):
        raise DataError(f"{where}: {fault}")
    return header


def _rows_of_jsonl(text: str, where: str) -> Iterator[_Line]:
    for line, content in enumerate(io.StringIO(text, newline="\n"), start=1):
        if content.strip(" \t\r\n"):
            yield _row_of_json(line, content)


def _row_of_json(line: int, content: str) -> _Line:
    try:
        return _Line(line, _cells_of_json(content))
    except DataError as error:
        return _Line(line, {}, str(error))
    except json.JSONDecodeError as error:
        reason = f"{shorten(error.msg)} at character {error.colno}; correct this line"
    except RecursionError:
        reason = "nested too deeply; write columns and text"
    return _Line(line, {}, f"expected JSON lines, one row each; {reason}")


class _Literal(str):
    """The text of a number in the file."""


def _cells_of_json(content: str) -> dict[str, Cell]:
    pairs = json.loads(
        content,
        object_pairs_hook=lambda pairs: pairs,
        parse_int=_Literal,
        parse_float=_Literal,
        parse_constant=_Literal,
    )
    if not content.lstrip().startswith("{"):
        raise DataError('expected {"column": "text", ...}; got no object; write one per line')
    if len(pairs) > MAX_COLUMNS:
        raise DataError(f"expected at most {MAX_COLUMNS} columns; got {len(pairs)}; remove some")
    cells = {column: _cell_of_json(column, value) for column, value in pairs}
    if len(cells) < len(pairs):
        raise DataError("expected every column once; got one twice; remove it")
    return cells


def _cell_of_json(column: str, value: Any) -> Cell:
    """Text unchanged; null is empty. Numbers, true and false are accepted as metadata, in other
    columns than ours: as an image or a prompt they are a mistake. A list, or an object, which is a
    list of pairs here, is accepted where one text per target can be.
    """
    listed = value if isinstance(value, list) and column in LISTS else None
    if listed is not None and not any(isinstance(item, list | tuple) for item in listed):
        return tuple(str(_cell_of_json(column, item)) for item in listed)
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, list) or (column in KNOWN and isinstance(value, (_Literal, bool))):
        got = "a list or object" if isinstance(value, list) else shorten(text)
        raise DataError(f'column {quote(column)}: expected text; got {got}; put it in "quotes"')
    return text


def _rows_of_yaml(text: str, where: str) -> Iterator[_Line]:
    for line, cells in rows_of_yaml(text, where, MAX_COLUMNS, LISTS):
        yield _Line(line, cells)


def _fault(cells: Mapping[str, str]) -> str:
    for column, text in cells.items():
        if max(len(column), len(text)) > MAX_CELL:
            return (
                f"column {quote(column)}: expected at most {MAX_CELL} characters; got more; "
                "shorten it"
            )
    return ""
