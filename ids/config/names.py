"""What a method on refined noise is called: by one name, however it was asked for."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from ids.config.paths import config_home, options

FPR = "override /fpr@_global_.fpr"  # how a method's yaml brings its own refiner along
EDITOR = "/method@editor"  # how it is made of another


def name_of(method: str, fpr: str) -> str:
    """`ids` is DDS on `released` noise: so are `method=ids` and `method=dds fpr=released`.
    `ids+polyak` is DDS on Polyak's, `sds+released` SDS on released noise; `fpr=none` gives the rule
    back. Methods that refine nothing keep their name.
    """
    if not _refines(method):
        return method
    rule = _rule(method)
    if fpr == "none":
        return rule
    words = [word for word in options("method") if _refines(word) and _rule(word) == rule]
    word = next((word for word in words if _own_fpr(word) != "none"), rule)
    return word if _own_fpr(word) == fpr else f"{word}+{fpr}"


def _rule(method: str) -> str:
    """The word for the same on noise as it was drawn: `dds` of `ids`."""
    defaults = _defaults(method)
    if EDITOR in defaults:
        rule = _rule(defaults[EDITOR])
        return next(word for word in options("method") if _defaults(word).get(EDITOR) == rule)
    return next((word for word in options("method") if word in defaults), method)


def _own_fpr(method: str) -> str:
    defaults = _defaults(method)
    return _own_fpr(defaults[EDITOR]) if EDITOR in defaults else defaults.get(FPR, "none")


def _refines(method: str) -> bool:
    """Does it come down to the loop that every rule shares?"""
    parts = {*_defaults(method), *_defaults(method).values()} - {"_self_", method}
    return "_distillation" in parts or any(
        _refines(part) for part in parts if part in options("method")
    )


@cache
def _defaults(method: str) -> Mapping[str, str]:
    """A method's defaults list: group to option, and plain lines to nothing."""
    file = config_home() / "conf" / "method" / f"{method}.yaml"
    lines: list[Any] = (yaml.safe_load(file.read_text()) or {}).get("defaults", [])
    found: dict[str, str] = {}
    for line in lines:
        found |= line if isinstance(line, dict) else {line: ""}
    return found
