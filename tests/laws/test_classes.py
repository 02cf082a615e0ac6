"""Rules that hold for every class of the package."""

import dataclasses
import enum
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import ClassVar, Literal, get_args, get_origin, get_type_hints

import pytest

import ids
from ids.core.options import check_options
from ids.core.protocols import BoundedMetric, Metric
from ids.editing import NullEdit, SoftMask, ThereAndBack
from ids.methods import DVRF, PDS, SDS, DDIMInversion, InfEdit, PlugAndPlay, PromptToPrompt

DDIM = DDIMInversion()
OPTIONED = [SDS(), PDS(), DDIM, PlugAndPlay(DDIM, "", ""), PromptToPrompt(DDIM, None)]
OPTIONED += [DVRF(), InfEdit(), ThereAndBack(NullEdit()), SoftMask()]
CODE = (property, staticmethod, classmethod, functools.cached_property, type)


def classes() -> Iterator[type]:
    """Every class that is defined in the package."""
    for found in pkgutil.walk_packages(ids.__path__, "ids."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            for kind in vars(module).values():
                if inspect.isclass(kind) and kind.__module__ == found.name:
                    yield kind


def unannotated(kind: type) -> set[str]:
    """Class attributes that are neither code, nor fields, nor annotated as ClassVar, nor what
    every metric has.
    """
    if issubclass(kind, enum.Enum | tuple):
        return set()
    hints = inspect.get_annotations(kind)
    return {
        name
        for name, value in vars(kind).items()
        if not name.startswith(("__", "_abc_", "_is_", "_non_callable", "_msgspec"))
        and name not in hints
        and name not in {**vars(Metric), **vars(BoundedMetric)}
        and not isinstance(value, CODE)
        and not inspect.isroutine(value)
        and not inspect.ismemberdescriptor(value)
    }


def literals(kind: type) -> dict[str, tuple[object, ...]]:
    hints = get_type_hints(kind).items()
    return {name: get_args(hint) for name, hint in hints if get_origin(hint) is Literal}


def test_class_attributes_are_annotated() -> None:
    """A misspelled `neds = (...)` would be ignored silently: without a ClassVar annotation it fails
    here, and with one it fails below.
    """
    assert {kind: names for kind in classes() if (names := unannotated(kind))} == {}


def test_class_variables_have_known_names() -> None:
    """The names that other code reads."""
    known = {"needs", "gives", "ignored", "revision", "fits_null", "sites", "exit_code"}
    known |= {"uses_seed", "uses_prompts", "anytime", "n_ticks"}
    known |= {"name", "title", "unit", "digits", "higher_is_better", "min_side", "uses_latents"}
    known |= {"place", "partial", "neutral", "reads_gradient", "numbered"}
    known |= {"of_scenes", "groups"}
    found = {
        name
        for kind in classes()
        for name, hint in inspect.get_annotations(kind).items()
        if get_origin(hint) is ClassVar and name.islower() and not name.startswith("_")
    }
    assert found <= known


def test_a_misspelled_class_attribute_is_found() -> None:
    class Rule:
        neds = (int,)
        needs: ClassVar[tuple[type, ...]] = (int,)

    assert unannotated(Rule) == {"neds"}


def test_every_field_of_options_is_checked() -> None:
    """Also where a class is constructed directly, without a configuration."""
    found = [k for k in classes() if k.__module__.startswith(("ids.methods", "ids.editing"))]
    assert {type(part) for part in OPTIONED} == {k for k in found if literals(k)}
    for part in OPTIONED:
        for name, options in literals(type(part)).items():
            before = getattr(part, name)
            object.__setattr__(part, name, "other")
            message = f"{name}: expected one of {options[0]}, .*; got 'other'"
            with pytest.raises(ValueError, match=message):
                part.__post_init__()
            object.__setattr__(part, name, before)


def test_options_are_named() -> None:
    @dataclasses.dataclass
    class Switch:
        position: Literal["on", "off"]

    check_options(Switch("on"))
    with pytest.raises(ValueError, match=r"^Switch.position: expected one of on, off; got 'up'$"):
        check_options(Switch("up"))  # type: ignore[arg-type]
