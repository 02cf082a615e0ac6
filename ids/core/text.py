"""Text for a terminal: foreign text escaped, numbers with their nouns."""

import re
from collections.abc import Mapping

# Controls, line and paragraph separators, marks that change the reading direction, lone surrogates,
# and tags: what a terminal interprets or hides instead of showing it.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
    "\U000e0000-\U000e007f]"
)

UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))  # of time


def printable(text: str) -> str:
    """The text on one line, with hidden characters as escapes: `\\x1b`, `\\u202e`."""
    return HIDDEN.sub(lambda match: ascii(match[0])[1:-1], text)


def shortened(text: str, most: int) -> str:
    """At most this many characters; `…` stands for the end of a longer text."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def with_counts(counts: Mapping[str, int], most: int | None = None) -> str:
    """`style (80), pose (40) and 3 more`: the `most` frequent ones, or all, with their counts."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{name} ({count})" for name, count in ordered[:most])
    more = len(ordered) - (len(ordered) if most is None else most)
    return f"{text} and {more} more" if more > 0 else text


def counted(n: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`; `many` is `one` with an s unless given."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """`42.0 seconds`, `3.5 hours`: in the largest unit of which there are two."""
    size, name = next((one for one in UNITS if seconds >= 2 * one[0]), UNITS[-1])
    return f"{seconds / size:.1f} {name}"
