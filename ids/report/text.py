"""Text from outside (names, labels, reasons), made harmless for where it is shown."""

import re

from ids.core.text import printable

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # what starts a formula in a spreadsheet
MARKDOWN = r"[\\`|*$~]|\](?=[(\[])|(?<![^\W_])_|_(?![^\W_])"  # but not null_edit, [0.1, 0.2]


def for_markdown(text: str) -> str:
    """Within a line: no end of a cell, code, emphasis, formula, link, or HTML."""
    escaped = re.sub(MARKDOWN, r"\\\g<0>", printable(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_paragraph(text: str) -> str:
    """On a line of its own: no heading, list, or target of a link either."""
    return re.sub(r"^(?=[-+=#\[])", r"\\", for_markdown(text.strip()))


def for_csv(text: str) -> str:
    """With an apostrophe in front where a spreadsheet would read a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown
