"""Text of others in our messages: one line, whatever it holds."""

LONGEST = 240


def shown(text: object) -> str:
    """`text` in one printable line: what cannot be printed is escaped, what is long is cut in its
    middle, since a path says most at its end.
    """
    line = str(text)
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2 - 2]}...{line[-(LONGEST // 2 - 1) :]}"
    return line if line.isprintable() else repr(line)[1:-1]


def quoted(text: object) -> str:
    """`text` as `shown`, in quotes."""
    return f"'{shown(text)}'"
