"""JSON files of data sets."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ids.core.errors import DataError
from ids.data.messages import shorten


def read_json(
    file: Path,
    most: int,
    expected: str,
    remedy: str,
    hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """The content of a file in UTF-8 of at most `most` bytes; `hook` makes an object of its pairs.
    `DataError`, with what is `expected` and the `remedy`, for any other file.
    """
    where = f"{shorten(file)}: expected {expected}"
    try:
        if (size := file.stat().st_size) > most:
            raise DataError(f"{where} of at most {most >> 20} MiB; got {size >> 20}; {remedy}")
        return json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=hook)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{where}; {shorten(reason)}; {remedy}") from error
