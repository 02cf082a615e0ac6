"""A YAML list of rows, read event by event: scalars stay text; nesting and aliases are refused."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from ids.core.errors import DataError
from ids.data.messages import quote, shorten

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the C loader is ten times as fast
TEXT = "tag:yaml.org,2002:str"
GOT = {
    yaml.AliasEvent: "an alias",
    yaml.ScalarEvent: "text",
    yaml.SequenceStartEvent: "a list",
    yaml.MappingStartEvent: "a mapping",
    yaml.DocumentStartEvent: "a second document",
}
NULLS = ("", "~", "null", "Null", "NULL")
BREAKS = re.compile("[\x85\u2028\u2029]")  # line breaks in YAML 1.1, ordinary characters elsewhere


Cells = dict[str, str | tuple[str, ...]]


def rows_of_yaml(
    text: str, where: str, most: int, lists: Set[str] = frozenset()
) -> Iterator[tuple[int, Cells]]:
    """Line number and cells of every row, with at most `most` columns; a cell in one of the columns
    `lists` may be a list of texts. `DataError` for anything else than a flat list of rows.
    """
    if odd := BREAKS.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise DataError(
            f"{where} line {line}: expected plain line breaks; got U+0085, U+2028 or U+2029, "
            'which YAML takes for one; escape it in "quotes" or use CSV'
        )
    try:
        yield from _Reader(yaml.parse(text, Loader=LOADER), where, most, lists).rows()
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
        raise DataError(
            f"{where}{at}: expected YAML, a list of rows; {shorten(reason)}; "
            "quote special characters"
        ) from error


@dataclass(frozen=True)
class _Reader:
    """The events of one file, read once."""

    events: Iterator[Any]
    where: str
    most: int
    lists: Set[str]

    def rows(self) -> Iterator[tuple[int, Cells]]:
        next(self.events)  # the stream begins
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return
        first = next(self.events)
        if isinstance(first, yaml.ScalarEvent) and first.value in NULLS:
            return
        self._expect(first, yaml.SequenceStartEvent, "a list of rows, each beginning with '-'")
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            self._expect(event, yaml.MappingStartEvent, "a list of rows, each of column: text")
            yield event.start_mark.line + 1, self._cells()
        next(self.events)  # the document ends
        self._expect(next(self.events), yaml.StreamEndEvent, "one list of rows")

    def _cells(self) -> Cells:
        cells: Cells = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            column = self._text(event, "the name of a column")
            if column in cells:
                self._refuse(event, "every column once", f"{quote(column)} again")
            if len(cells) == self.most:
                self._refuse(event, f"at most {self.most} columns", "more")
            cells[column] = self._cell(next(self.events), column)
        return cells

    def _cell(self, event: Any, column: str) -> str | tuple[str, ...]:
        expected = f"text in column {quote(column)}"
        if column not in self.lists or not isinstance(event, yaml.SequenceStartEvent):
            return self._text(event, expected)
        self._expect(event, yaml.SequenceStartEvent, expected)
        texts = []
        while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
            texts.append(self._text(item, expected))
        return tuple(texts)

    def _text(self, event: Any, expected: str) -> str:
        self._expect(event, yaml.ScalarEvent, expected)
        plain = event.implicit[0] and event.tag is None
        return "" if plain and event.value in NULLS else str(event.value)

    def _expect(self, event: Any, kind: type, expected: str) -> None:
        if not isinstance(event, kind):
            self._refuse(event, expected, GOT.get(type(event), "something else"))
        for mark, name in (("&", "anchor"), ("!", "tag")):
            value = getattr(event, name, None)
            if value is not None and value != TEXT:
                self._refuse(event, expected, f"the {name} {mark}{shorten(value).lstrip('!')}")

    def _refuse(self, event: Any, expected: str, got: str) -> NoReturn:
        raise DataError(
            f"{self.where} line {event.start_mark.line + 1}: expected {expected}; got {got}; "
            'write text that begins with a special character in "quotes"'
        )
