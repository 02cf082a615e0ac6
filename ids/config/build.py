"""A checked configuration to objects. Values are checked here, against the loaded classes, before
any weights are read.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from beartype import BeartypeConf
from beartype.door import is_bearable
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate

from ids.config.check import RESERVED
from ids.config.names import name_of
from ids.core.errors import ConfigError, IdsError
from ids.run import Asked, Campaign, Store

PLACE = re.compile(r"[a-z_]+\.[a-z_.]+( \(.*\))?: ")  # a message that names its place already
NUMBERS = BeartypeConf(is_pep484_tower=True)  # an int is welcome where a float is expected


def build_campaign(
    choices: Mapping[str, str], config: Mapping[str, Any], sweep: bool = False
) -> Campaign:
    """Everything `ids run` needs, from a plain configuration that `check` has passed and the names
    of the options chosen in its groups.
    """
    return Campaign(
        asked=_asked(_name(choices), config["method"], "method"),
        references=[
            _asked(key, node, f"references.{key}") for key, node in config["references"].items()
        ],
        backbone_name=choices["backbone"],
        backbone=build(config["backbone"], "backbone"),
        dataset=build(config["dataset"], "dataset"),
        metrics=build(config["metrics"], "metrics"),
        loggers=list(build(config["logger"], "logger").values()),
        engine=build(config["engine"], "engine"),
        seeds=config["seeds"],
        store=Store(Path(config["output_dir"])),
        config=config,
        limit=config["limit"],
        retry_failed=config["retry_failed"],
        force=config["force"],
        keep_every=config["keep_every"],
        sweep=sweep,
    )


def _asked(name: str, node: Mapping[str, Any], where: str) -> Asked:
    return Asked(name, _deciding(node), build(node, where))


def _name(choices: Mapping[str, str]) -> str:
    return name_of(choices["method"], choices["fpr"], choices["inversion"])


def _deciding(node: Any) -> Any:
    """A statement without the values that its classes take and ignore."""
    if isinstance(node, list):
        return [_deciding(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    target = str(node.get("_target_", ""))
    ignored = getattr(get_object(target), "ignored", ()) if target.startswith("ids.") else ()
    return {key: _deciding(value) for key, value in node.items() if key not in ignored}


def build(node: Any, where: str) -> Any:
    """An object per `_target_`, innermost first; `_partial_` ones wait for their remaining
    arguments.
    """
    _check_values(node, where)
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, IdsError):
            raise cause from error
        told = str(cause or error)
        raise ConfigError(told if PLACE.match(told) else f"{where}: {told}") from error


def _check_values(node: Any, where: str) -> None:
    """Plain values against the annotations of the class they go to."""
    if not isinstance(node, Mapping):
        return
    target = node.get("_target_", "")
    hints = get_type_hints(get_object(target)) if target.startswith("ids.") else {}
    for key, value in node.items():
        if isinstance(value, Mapping) and (key not in hints or "_target_" in str(value)):
            _check_values(value, f"{where}.{key}")
        elif (
            key not in RESERVED
            and key in hints
            and not is_bearable(value, hints[key], conf=NUMBERS)
        ):
            expected = getattr(hints[key], "__name__", str(hints[key]))
            raise ConfigError(
                f"{where}.{key}: expected {expected}; got {value!r}; change the value"
            )
