"""Text of others in our messages: one line, whatever it holds."""

LONGEST = 160


def shown(text: object) -> str:
    """`text` in one printable line: what cannot be printed is escaped, what is long is cut."""
    line = str(text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
    return line if line.isprintable() else repr(line)[1:-1]


def quoted(text: object) -> str:
    """`text` as `shown`, in quotes."""
    return f"'{shown(text)}'"
