"""Text of users inside our messages: one printable line of limited length."""

LONGEST = 240  # characters


def shorten(text: object) -> str:
    """`text` in one printable line: unprintable characters are escaped, long text is cut in its
    middle, since the end of a path identifies it best.
    """
    line = str(text)
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2 - 2]}...{line[-(LONGEST // 2 - 1) :]}"
    return line if line.isprintable() else repr(line)[1:-1]


def quote(text: object) -> str:
    """`shorten(text)` in quotes."""
    return f"'{shorten(text)}'"
