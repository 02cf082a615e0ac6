"""Text from outside (names, labels, reasons), made harmless for where it is shown."""

import re

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # what starts a formula in a spreadsheet


def printable(text: str) -> str:
    """On one line: what does not print (control characters, line breaks, ...) as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def for_markdown(text: str) -> str:
    """Inline text without a structure of its own: no cell, code, link, HTML, heading or list."""
    escaped = re.sub(r"([\\`|*$~\[])", r"\\\1", printable(text))
    escaped = re.sub(r"^(?=[-+=#])", r"\\", escaped)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_csv(text: str) -> str:
    """With an apostrophe in front where a spreadsheet would read a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown
