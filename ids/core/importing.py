"""Imports of large libraries at less than their full cost."""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, metadata
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from types import ModuleType
from typing import Any

UNUSED = ("wandb",)  # imported by timm, for training logs that nothing here writes
# Imported by libraries at their start for what is called later or never, with the names they take:
# torch's compiler by torchvision, scipy by transformers and diffusers, timm by open_clip.
DEFERRED: Mapping[str, Sequence[str]] = {
    "torch._dynamo.utils": ("is_compile_supported",),
    "scipy.optimize": ("linear_sum_assignment",),
    "scipy.stats": (),
    "timm": (),
    "timm.layers": ("AttentionPool2d", "Mlp", "RotAttentionPool2d", "to_2tuple"),
}


class Deferred(ModuleType):
    """Stands for a module until something of it is used: then the module itself is imported. What
    is in `called` may be imported by name before; it imports the module when it is called.
    """

    def __init__(self, name: str, called: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)  # it is installed, for those who look
        self.__path__ = _Path(self)  # type: ignore[assignment]
        for function in called:
            setattr(self, function, _called_later(self, function))

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") and attribute not in ("__all__", "__version__"):
            raise AttributeError(attribute)  # looked for in every module, by `inspect` for one
        return getattr(self.module(), attribute)

    def module(self) -> ModuleType:
        """The module itself, imported in place of this one."""
        self.withdraw()
        return import_module(self.__name__)

    def withdraw(self) -> None:
        """Later imports of the name import the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


@dataclass(frozen=True)
class _Path:
    """Where the submodules are looked for: with the first one, the module itself is imported."""

    deferred: Deferred

    def __iter__(self) -> Iterator[str]:
        yield from getattr(self.deferred.module(), "__path__", ())


def _called_later(deferred: Deferred, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(deferred.module(), name)(*args, **kwargs)

    return call


class Distributions(Mapping[str, list[str]]):
    """`packages_distributions` of `importlib.metadata`, computed when it is looked into: it lists
    the files of every package. diffusers computes it at its start for rare cases.
    """

    @cached_property
    def _found(self) -> Mapping[str, list[str]]:
        return packages_distributions()

    def __getitem__(self, package: str) -> list[str]:
        return self._found[package]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import libraries and build networks within it. No garbage is collected: modules are none, and
    each collection visits all of them, a fifth of the time. Modules of `UNUSED` that are not loaded
    yet count as not installed; those of `DEFERRED` are loaded when they are used, and installed
    packages are listed only for those who look into the list.
    """
    collecting = gc.isenabled()
    hidden = [name for name in UNUSED if name not in sys.modules]
    deferred = [Deferred(*item) for item in DEFERRED.items() if _is_to_come(item[0])]
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError
    sys.modules.update({module.__name__: module for module in deferred})
    metadata.packages_distributions = Distributions
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]
        for module in deferred:
            module.withdraw()
        metadata.packages_distributions = packages_distributions
        if collecting:
            _age()
            gc.enable()


def _is_to_come(name: str) -> bool:
    """Not imported yet, and its package is installed."""
    return name not in sys.modules and find_spec(name.partition(".")[0]) is not None


def _age() -> None:
    """All objects join the oldest generation, which is rarely visited: modules live long."""
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
