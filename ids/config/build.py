"""Checked configurations to objects. Values are checked here against the loaded classes, before any
weights are read.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import torch
from beartype import BeartypeConf
from beartype.door import is_bearable

from ids.backbones.tuning import check_tuning
from ids.config.check import is_reserved, row_selection
from ids.config.classes import Classes
from ids.config.optimizers import uncompiled
from ids.config.setting import Composed
from ids.core.edit import Editor, Finish, Representation
from ids.core.errors import ConfigError
from ids.core.logs import Logger
from ids.core.options import one_of
from ids.core.protocols import BackboneSource, Dataset, Metric
from ids.core.rows import RowSelection
from ids.editing import Finished
from ids.run import Engine, Experiment, MethodSpec, Session, Store

PLACE = re.compile(r"[a-z_]+\.[a-z_.]+( \(.*\))?: ")  # a message that begins with its place
NUMBERS = BeartypeConf(is_pep484_tower=True)  # an int is accepted as a float
PLAIN = (str, int, float, list, dict, type(None))
WRONG = (ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError, OSError)


def build_experiment(
    setting: Composed, sweep: bool = False, session: Session | None = None
) -> Experiment:
    """Everything a run needs. Settings of one `session` share the objects that they configure
    alike. `ConfigError` for a value that a class refuses, or a device that this machine lacks.
    """
    config, classes = setting.values, setting.sources.classes
    engine = _of_kind(config["engine"], "engine", Engine, classes)
    engine.find_device()  # a device that this machine lacks is known now
    session = session or Session(engine)
    part = _Parts(classes, session)
    backbone = part(config["backbone"], "backbone", BackboneSource)
    check_tuning(backbone, engine.tuning, setting.choices["backbone"])
    return Experiment(
        method=part.finished(setting.name, config["method"], config["finish"]),
        controls=[
            part.method(key, node, f"controls.{key}") for key, node in config["controls"].items()
        ],
        backbone_name=setting.choices["backbone"],
        backbone=backbone,
        dataset=part(config["dataset"], "dataset", Dataset),
        metrics={
            key: part(node, f"metrics.{key}", Metric) for key, node in config["metrics"].items()
        },
        loggers=[part(node, f"logger.{key}", Logger) for key, node in config["logger"].items()],
        seeds=config["seeds"],
        store=Store(Path(config["output_dir"])),
        config=config,
        selection=row_selection(config),
        retry_failed=config["retry_failed"],
        force=config["force"],
        keep_every=config["keep_every"],
        sweep=sweep,
        session=session.with_engine(engine),
        representation=part(config["representation"], "representation", Representation),
    )


def build_dataset(setting: Composed) -> tuple[Dataset, RowSelection]:
    """The data set alone, and its selected rows. `ConfigError` for a value that it refuses."""
    node, classes = setting.values["dataset"], setting.sources.classes
    dataset: Dataset = _of_kind(node, "dataset", Dataset, classes)
    return dataset, row_selection(setting.values)


@dataclasses.dataclass(frozen=True)
class _Parts:
    """The parts of the experiments of one session."""

    classes: Classes
    session: Session

    def __call__(self, node: Mapping[str, Any], where: str, kind: type) -> Any:
        """A part that settings share if they configure it alike."""
        key = f"{where}={json.dumps(node, sort_keys=True)}"
        if key not in self.session.parts:
            self.session.parts[key] = _of_kind(node, where, kind, self.classes)
        return self.session.parts[key]

    def method(self, name: str, node: Mapping[str, Any], where: str) -> MethodSpec:
        """A method, or a control."""
        return MethodSpec(name, self._deciding(node), _of_kind(node, where, Editor, self.classes))

    def finished(self, name: str, node: Mapping[str, Any], finish: Mapping[str, Any]) -> MethodSpec:
        """The method with the finish of its results, which is a part of it unless it is neutral."""
        spec = self.method(name, node, "method")
        if self._is_neutral(finish):
            return spec
        try:
            editor = Finished(spec.editor, self(finish, "finish", Finish))
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return MethodSpec(name, {**spec.method, "finish": self._deciding(finish)}, editor)

    def _deciding(self, node: Any) -> Any:
        """A configuration without names, and without the values that its classes ignore."""
        if isinstance(node, list):
            return [self._deciding(value) for value in node]
        if not isinstance(node, Mapping):
            return node
        ignored: set[str] = set()
        if "_target_" in node:
            kind = self.classes.load(str(node["_target_"]))
            ignored = {"name", *getattr(kind, "ignored", ())}
        ignored |= {key for key, value in node.items() if self._is_neutral(value)}
        return {key: self._deciding(value) for key, value in node.items() if key not in ignored}

    def _is_neutral(self, node: Any) -> bool:
        """Is this a part that changes no result?"""
        target = node.get("_target_") if isinstance(node, Mapping) else None
        return bool(target) and getattr(self.classes.load(str(target)), "neutral", False)


def _of_kind(node: Mapping[str, Any], where: str, kind: type, classes: Classes) -> Any:
    built = build(node, where, classes)
    if not isinstance(built, kind):
        raise ConfigError(
            f"{where}._target_: expected {kind.__name__}; got {type(built).__name__}, which is "
            "none; take another class"
        )
    return built


def build(node: Any, where: str, classes: Classes | None = None) -> Any:
    """An object per `_target_`, innermost first; `_partial_` ones wait for their remaining
    arguments. Nothing is interpolated, and `check` has passed every `_target_`.
    """
    classes = classes or Classes()
    if isinstance(node, list):
        return [build(value, f"{where}[{index}]", classes) for index, value in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    is_part = "_target_" in node
    parts = {
        key: build(value, f"{where}.{key}", classes)
        for key, value in node.items()
        if not (is_part and is_reserved(key, where))
    }
    if not is_part:
        return parts
    cls = classes.load(str(node["_target_"]))
    try:
        if node.get("_partial_"):
            return _checked_optimizer(partial(uncompiled(cls), **parts), where)
        values = {key: value for key, value in parts.items() if not _is_part(value)}
        _check_types(cls, values, where)
        built = _constructed(cls, parts, where)
        _check_types(cls, parts, where)
        return built
    except WRONG as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConfigError(reason if PLACE.match(reason) else f"{where}: {reason}") from error


def _checked_optimizer(optimizer: "partial[Any]", where: str) -> "partial[Any]":
    """The optimizer, after one step on a dummy parameter: a bad value is known before any edit."""
    rate = optimizer.keywords.get("lr", 1.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not rate > 0:
        raise ConfigError(f"{where}.lr: expected a number above 0; got {rate!r}; change the value")
    parameter = torch.nn.Parameter(torch.zeros(1, 4, 2, 2))
    parameter.grad = torch.ones_like(parameter)
    optimizer([parameter]).step()
    return optimizer


def _constructed(cls: Callable[..., Any], parts: Mapping[str, Any], where: str) -> Any:
    """An object; of a type error the message that names the wrong value. A class may raise a better
    `ValueError` itself.
    """
    try:
        return cls(**parts)
    except (TypeError, AttributeError):
        _check_types(cls, parts, where)
        raise


def _is_part(value: object) -> bool:
    return dataclasses.is_dataclass(value) or callable(value)


def _check_types(cls: Callable[..., Any], parts: Mapping[str, Any], where: str) -> None:
    """Check values and parts against the annotations of the class that takes them."""
    hints = get_type_hints(cls)
    for key, value in parts.items():
        if key in hints and not _fits(value, hints[key]):
            expected = _expected(hints[key])
            got = repr(value) if isinstance(value, PLAIN) else type(value).__name__
            raise ConfigError(
                f"{where}.{key}: expected {expected}; got {got[:80]}; change the value"
            )


def _expected(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return one_of(hint)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(
            "null" if part is type(None) else _expected(part) for part in get_args(hint)
        )
    return str(getattr(hint, "__name__", hint))


def _fits(value: object, hint: Any) -> bool:
    """Lists are checked item by item: beartype itself checks a random one."""
    items = [[item] for item in value] if isinstance(value, list) and value else [value]
    return all(is_bearable(item, hint, conf=NUMBERS) for item in items)
