"""Data and files inside an HTML page, where nothing of them can become markup or code."""

import base64
import hashlib
import json
from typing import Any

from ids.core.numbers import Number, to_number
from ids.core.text import printable

UNSAFE = "<>&\u2028\u2029"  # would end a script element, begin a comment, or end a line of a script


def json_script(data: Any) -> str:
    """JSON for `<script type="application/json">`: ASCII without markup. `ValueError` for numbers
    that JSON does not have.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(character): f"\\u{ord(character):04x}" for character in UNSAFE})


def shown(data: Any) -> Any:
    """The same data with hidden characters of every text (keys aside) as escapes."""
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, dict):
        return {key: shown(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [shown(value) for value in data]
    return data


def number(value: float, digits: int) -> Number:
    """A number as the page's data has it: two digits more than are shown; None where it is
    undefined, `inf` as text.
    """
    found = to_number(value)
    return round(found, digits + 2) if isinstance(found, float) else found


def script_hash(text: str) -> str:
    """The source of a content security policy that allows this script alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def data_uri(svg: bytes) -> str:
    """An SVG as the address of an image: scripts in it never run, its ids stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
