"""A checked configuration to objects. Values are checked here, against the loaded classes, before
any weights are read.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import torch
from beartype import BeartypeConf
from beartype.door import is_bearable

from ids.config.check import RESERVED
from ids.config.names import name_of
from ids.core.errors import ConfigError
from ids.core.protocols import BackboneSource, Dataset, Editor, Logger, Metric
from ids.run import Engine, Experiment, MethodSpec, Session, Store

PLACE = re.compile(r"[a-z_]+\.[a-z_.]+( \(.*\))?: ")  # a message that names its place already
NUMBERS = BeartypeConf(is_pep484_tower=True)  # an int is welcome where a float is expected
WRONG = (ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError, OSError)
Made = dict[str, Any]


def build_experiment(
    choices: Mapping[str, str],
    config: Mapping[str, Any],
    sweep: bool = False,
    made: Made | None = None,
) -> Experiment:
    """Everything `ids run` needs, from a plain configuration that `check` has passed and the names
    of the options chosen in its groups. `made` keeps what the settings of one command share: what
    two of them state alike is one object.
    """
    made = {} if made is None else made
    part = partial(_part, made=made)
    engine = part(config["engine"], "engine", Engine)
    engine.find_device()  # a device that this machine lacks is known now
    return Experiment(
        method=_asked(_name(choices), config["method"], "method"),
        controls=[_asked(key, node, f"controls.{key}") for key, node in config["controls"].items()],
        backbone_name=choices["backbone"],
        backbone=part(config["backbone"], "backbone", BackboneSource),
        dataset=part(config["dataset"], "dataset", Dataset),
        metrics={
            key: part(node, f"metrics.{key}", Metric) for key, node in config["metrics"].items()
        },
        loggers=[part(node, f"logger.{key}", Logger) for key, node in config["logger"].items()],
        seeds=config["seeds"],
        store=Store(Path(config["output_dir"])),
        config=config,
        limit=config["limit"],
        retry_failed=config["retry_failed"],
        force=config["force"],
        keep_every=config["keep_every"],
        sweep=sweep,
        session=made.setdefault("session", Session(engine)).with_engine(engine),
    )


def _part(node: Mapping[str, Any], where: str, kind: type, made: Made) -> Any:
    key = f"{where}={json.dumps(node, sort_keys=True)}"
    if key not in made:
        made[key] = _of_kind(build(node, where), where, kind)
    return made[key]


def _asked(name: str, node: Mapping[str, Any], where: str) -> MethodSpec:
    return MethodSpec(name, _deciding(node), _of_kind(build(node, where), where, Editor))


def _of_kind(built: object, where: str, kind: type) -> Any:
    if not isinstance(built, kind):
        raise ConfigError(
            f"{where}._target_: expected {kind.__name__}; got {type(built).__name__}, which is "
            "none; take another class"
        )
    return built


def _name(choices: Mapping[str, str]) -> str:
    return name_of(choices["method"], choices["fpr"], choices["inversion"])


def _deciding(node: Any) -> Any:
    """A statement without the values that its classes take and ignore."""
    if isinstance(node, list):
        return [_deciding(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    target = str(node.get("_target_", ""))
    ignored = getattr(_class(target), "ignored", ()) if target.startswith("ids.") else ()
    return {key: _deciding(value) for key, value in node.items() if key not in ignored}


def _class(target: str) -> Callable[..., Any]:
    package, _, name = target.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(package), name)
    return found


def build(node: Any, where: str) -> Any:
    """An object per `_target_`, innermost first; `_partial_` ones wait for their remaining
    arguments. Nothing is interpolated, and `check` has seen every `_target_`.
    """
    if isinstance(node, list):
        return [build(value, f"{where}[{index}]") for index, value in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    parts = {k: build(value, f"{where}.{k}") for k, value in node.items() if k not in RESERVED}
    if "_target_" not in node:
        return parts
    made = _class(str(node["_target_"]))
    try:
        if node.get("_partial_"):
            return _tried(partial(made, **parts), where)
        values = {key: value for key, value in parts.items() if not _is_part(value)}
        _check_types(made, values, where)
        built = _constructed(made, parts, where)
        _check_types(made, parts, where)
        return built
    except WRONG as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConfigError(told if PLACE.match(told) else f"{where}: {told}") from error


def _tried(optimizer: "partial[Any]", where: str) -> "partial[Any]":
    """An optimizer that has taken one step, so that a bad value is known before the first edit."""
    rate = optimizer.keywords.get("lr", 1.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not rate > 0:
        raise ConfigError(f"{where}.lr: expected a number above 0; got {rate!r}; change the value")
    parameter = torch.nn.Parameter(torch.zeros(1, 4, 2, 2))
    parameter.grad = torch.ones_like(parameter)
    optimizer([parameter]).step()
    return optimizer


def _constructed(made: Callable[..., Any], parts: Mapping[str, Any], where: str) -> Any:
    """A class may say better itself, by a `ValueError`, which parts fit it."""
    try:
        return made(**parts)
    except (TypeError, AttributeError):
        _check_types(made, parts, where)
        raise


def _is_part(value: object) -> bool:
    return dataclasses.is_dataclass(value) or callable(value)


def _check_types(made: Callable[..., Any], parts: Mapping[str, Any], where: str) -> None:
    """Values and parts against the annotations of the class they go to."""
    hints = get_type_hints(made)
    for key, value in parts.items():
        if key in hints and not _fits(value, hints[key]):
            expected = getattr(hints[key], "__name__", str(hints[key]))
            got = type(value).__name__ if _is_part(value) else repr(value)
            raise ConfigError(
                f"{where}.{key}: expected {expected}; got {got[:80]}; change the value"
            )


def _fits(value: object, hint: Any) -> bool:
    """A list item by item: beartype itself looks at a random one."""
    items = [[item] for item in value] if isinstance(value, list) and value else [value]
    return all(is_bearable(item, hint, conf=NUMBERS) for item in items)
