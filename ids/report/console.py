"""The terminal: its width, and lines of plain text."""

import os

from rich.console import Console

from ids.core.text import printable

WIDTH = 100  # characters, where the output is no terminal and COLUMNS is not set
WIDE = 10_000  # wider than any table


def open_console(wide: bool = False) -> Console:
    """As wide as the terminal or COLUMNS; without either, 100 characters. A `wide` one never wraps
    a table.
    """
    console = Console()
    if wide:
        return Console(width=WIDE)
    known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console if known else Console(width=WIDTH)


def say(text: str, console: Console | None = None) -> None:
    """One line: no markup, no folding, unprintable characters escaped."""
    (console or Console()).print(printable(text), markup=False, highlight=False, soft_wrap=True)
