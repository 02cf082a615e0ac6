"""Packages that are functions as well: `ids.run` holds the layer that runs experiments, and
`ids.run([...])` is the function of the Python API.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

API = "ids.api"


class CallablePackage(ModuleType):
    """A package that, when called, calls the function of its name in the Python API."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See the function in `ids.api`."""
        return getattr(import_module(API), self.__name__.rpartition(".")[2])(*args, **kwargs)


def make_callable(package: str) -> None:
    """Called by a package about itself, with its `__name__`."""
    sys.modules[package].__class__ = CallablePackage
