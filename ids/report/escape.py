"""Text from outside (names, labels, reasons), escaped for the place where it is shown."""

import html
import re

from ids.core.text import printable

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # start of a formula in a spreadsheet
MARKDOWN = r"[\\`|*$~]|\](?=[(\[])|(?<![^\W_])_|_(?![^\W_])"  # but not null_edit, [0.1, 0.2]
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # \textquotedbl exists in T1 fonts alone
    "[": "{[}",  # after the end of a line, it would begin an argument
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
} | {character: f"\\{character}" for character in "&%$#_{}"}


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


def for_html(text: str) -> str:
    """Within an element or a quoted attribute."""
    return html.escape(printable(text))


def for_latex(text: str) -> str:
    """Within a paragraph or a cell: no command, comment, formula or end of a cell."""
    return "".join(LATEX.get(character, character) for character in printable(text))


def latex_comment(text: str) -> str:
    """The rest of a line that LaTeX skips."""
    return f"% {printable(text)}"
