"""Configurations without secrets and without the home folder."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SECRET_NAME = re.compile(
    r"(^|[_.])(api_?key|token|secret|password|passwd|credentials?|access_key)($|[_.])",
    re.IGNORECASE,
)
IN_ENVIRONMENT = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")  # of an address
SHORTEST = 8  # characters of a secret; shorter values are words
HIDDEN = "..."


def scrub(content: Any) -> Any:
    """Plain data with `~` for the home folder and `...` for secrets: values of keys that name one,
    values of such environment variables, credentials in addresses.
    """
    secrets = [v for k, v in os.environ.items() if IN_ENVIRONMENT.search(k) and len(v) >= SHORTEST]
    return _scrub(content, _home(), sorted(secrets, key=len, reverse=True))


def _home() -> str:
    home = str(Path.home())
    return "" if home == "/" else home


def _scrub(node: Any, home: str, secrets: Iterable[str]) -> Any:
    if isinstance(node, Mapping):
        return {
            _text(str(key), home, secrets): HIDDEN
            if isinstance(value, str) and SECRET_NAME.search(str(key))
            else _scrub(value, home, secrets)
            for key, value in node.items()
        }
    if isinstance(node, list | tuple):
        return [_scrub(value, home, secrets) for value in node]
    return _text(node, home, secrets) if isinstance(node, str) else node


def _text(text: str, home: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    if home:
        text = re.sub(rf"{re.escape(home)}(?=/|$|[^\w.-])", "~", text)
    return CREDENTIALS.sub("", text)
