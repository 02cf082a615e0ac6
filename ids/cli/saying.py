"""One-line messages on stderr."""

import logging
import os
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ids.core.text import printable
from ids.core.unexpected import line

if TYPE_CHECKING:
    from ids.config.setting import Refused


def say(message: str) -> None:
    """Print one line."""
    if os.environ.get("IDS_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    with suppress(OSError):
        print(f"ids: {printable(message)}", file=sys.stderr, flush=True)


def say_all(messages: Iterable[str]) -> None:
    """Print a line each."""
    for message in messages:
        say(message)


def reasons(refused: Sequence["Refused"], total: int) -> Iterator[str]:
    """A line per reason, with the settings it belongs to."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for setting in refused:
        by_reason[line(setting.error)].append(" ".join(setting.words))
    for reason, settings in by_reason.items():
        if total == 1:
            yield reason
        elif len(settings) == 1:
            yield f"{reason} (the setting {settings[0][:200]})"
        else:
            yield f"{reason} ({len(settings)} of {total} settings)"


def log_to_terminal() -> None:
    """Print each warning as one line, foreign text escaped."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("ids: %(message)s"))
    handler.addFilter(_escaped)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _escaped(record: logging.LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage()), ()
    return True
