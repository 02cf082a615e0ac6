"""Packages that are functions as well: `ids.run` holds the layer that runs experiments, and
`ids.run([...])` is the function of the Python API.
"""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

API = "ids.api"


class CallablePackage(ModuleType):
    """A package that, when called, calls the function of its name in the Python API."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See the function in `ids.api`, whose signature this is."""
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the function, for `inspect`, `help` and notebooks."""
        return inspect.signature(self._function())

    def _function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(API), self.__name__.rpartition(".")[2])
        return function


def make_callable(package: str) -> None:
    """Called by a package about itself, with its `__name__`."""
    sys.modules[package].__class__ = CallablePackage
