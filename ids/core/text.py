"""Text for a terminal: foreign text escaped, numbers with their nouns."""

import re

# Controls, line and paragraph separators, marks that change the reading direction, lone surrogates,
# and tags: what a terminal interprets or hides instead of showing it.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
    "\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """The text on one line, with hidden characters as escapes: `\\x1b`, `\\u202e`."""
    return HIDDEN.sub(lambda match: ascii(match[0])[1:-1], text)


def counted(n: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`; `many` is `one` with an s unless given."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"
