"""What a method is called: by one name, however it was asked for."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from ids.config.paths import config_home, options

FPR = "override /fpr@_global_.fpr"  # how a method's yaml brings its own refiner along
INVERSION = "override /inversion@_global_.inversion"  # or its own inversion
EDITOR = "/method@editor"  # how it is made of another


def name_of(method: str, fpr: str, inversion: str = "ddim") -> str:
    """The method's word, and what was chosen otherwise than the word says: `ids+polyak`,
    `p2p+null_text`.
    """
    if "inversion" in _values(method):
        own = _defaults(method).get(INVERSION, "ddim")
        return method if inversion == own else f"{method}+{inversion}"
    return _refined(method, fpr) if _refines(method) else method


def _refined(method: str, fpr: str) -> str:
    """`ids` is DDS on `released` noise: so are `method=ids` and `method=dds fpr=released`.
    `ids+polyak` is DDS on Polyak's, `sds+released` SDS on released noise; `fpr=none` gives the rule
    back. A yaml that says more than its refiner keeps its name.
    """
    rule = _rule(method)
    same = [word for word in options("method") if _refines(word) and _rule(word) == rule]
    family = {_own_fpr(word): word for word in reversed(same)}
    return family.get(fpr) or f"{family.get('released', rule)}+{fpr}"


def _rule(method: str) -> str:
    """The word for the same on noise as it was drawn: `dds` of `ids`."""
    if inner := _defaults(method).get(EDITOR):
        alike = [word for word in options("method") if _besides(word) == _besides(method)]
        rule = _rule(inner)
        return next((word for word in alike if _defaults(word).get(EDITOR) == rule), method)
    parents = [word for word in _defaults(method) if _is_method(word)]
    adds = set(_defaults(method)) - {*parents, "_self_", FPR}
    alias = len(parents) == 1 and not adds and not _values(method)
    return _rule(parents[0]) if alias else method


def _own_fpr(method: str) -> str:
    defaults = _defaults(method)
    inner = [defaults[EDITOR]] if EDITOR in defaults else [w for w in defaults if _is_method(w)]
    return defaults.get(FPR) or next((_own_fpr(word) for word in inner), "none")


def _refines(method: str) -> bool:
    """Does it come down to the loop that every rule shares?"""
    parts = {*_defaults(method), _defaults(method).get(EDITOR, "")}
    return "_distillation" in parts or any(_refines(part) for part in parts if _is_method(part))


def _besides(method: str) -> tuple[Any, ...]:
    """What a yaml says, the method it is made of aside."""
    defaults = {key: value for key, value in _defaults(method).items() if key != EDITOR}
    return defaults, _values(method)


def _is_method(word: str) -> bool:
    return word in options("method")


def _defaults(method: str) -> Mapping[str, str]:
    """A method's defaults list: group to option, and plain lines to nothing."""
    found: dict[str, str] = {}
    for line in _yaml(method).get("defaults", []):
        found |= line if isinstance(line, dict) else {line: ""}
    return found


def _values(method: str) -> Mapping[str, Any]:
    return {key: value for key, value in _yaml(method).items() if key != "defaults"}


@cache
def _yaml(method: str) -> Mapping[str, Any]:
    text = (config_home() / "conf" / "method" / f"{method}.yaml").read_text()
    content: Mapping[str, Any] = yaml.safe_load(text) or {}
    return content
