"""Imports of large libraries at less than their full cost."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = ("wandb",)  # imported by timm, for training logs that nothing here writes


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import libraries and build networks within it. No garbage is collected: modules are none, and
    each collection visits all of them, a fifth of the time. Modules of `UNUSED` that are not loaded
    yet count as not installed.
    """
    collecting = gc.isenabled()
    hidden = [name for name in UNUSED if name not in sys.modules]
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]
        if collecting:
            gc.enable()
