"""Lines to the person at the terminal, on stderr."""

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
    from ids.config.compose import Refused


def say(message: str) -> None:
    """One line."""
    if os.environ.get("IDS_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    with suppress(OSError):
        print(f"ids: {printable(message)}", file=sys.stderr, flush=True)


def say_all(messages: Iterable[str]) -> None:
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
