"""Every `_target_` held against the signature it names: a typing error dies in a second, with the
nearest right name.
"""

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ids.config.signature import signature_of
from ids.core.errors import ConfigError

RESERVED = ("_target_", "_partial_")


def check(node: object, where: str = "") -> None:
    """Raise `ConfigError` for the first key or value that cannot be. Imports nothing heavy."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            _check_target(node, where)
        for key in sorted(node, key=str):  # fpr and inversion before method, which points to them
            check(node[key], f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            check(value, f"{where}[{index}]")
    elif isinstance(node, float) and math.isnan(node):
        raise ConfigError(f"{where}: expected a number; got nan; leave it out for the default")
    elif node == "???":
        raise ConfigError(f"{where}: expected a value; got none; add {where}=... to the command")


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`, or what there is."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(known) or 'none'}"


def _check_target(node: Mapping[str, Any], where: str) -> None:
    signature = signature_of(str(node["_target_"]))
    if signature is None:
        raise ConfigError(f"{where}._target_: expected a class that exists; got {node['_target_']}")
    given = [key for key in node if key not in RESERVED]
    for key in given:
        if key not in signature.parameters and not signature.open:
            raise ConfigError(
                f"{where}.{key}: no such option; {nearest(key, signature.parameters)}"
            )
    missing = sorted(signature.required - set(given))
    if missing and not node.get("_partial_"):
        raise ConfigError(
            f"{where}.{missing[0]}: expected a value; got none; {signature.name} needs it"
        )
