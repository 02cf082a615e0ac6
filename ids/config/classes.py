"""Which classes a `_target_` may name, where their source lies, and how they are imported."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module, invalidate_caches
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from ids.config.signature import Signature, read_signature
from ids.core.errors import ConfigError

EDITORS = ("ids.methods", "ids.editing", "ids.diffusion")
PACKAGES = {  # whose classes a group may name
    "method": EDITORS,
    "controls": EDITORS,
    "fpr": ("ids.methods",),
    "guidance": ("ids.diffusion",),
    "finish": ("ids.editing",),
    "inversion": ("ids.methods",),
    "backbone": ("ids.backbones",),
    "representation": ("ids.representations",),
    "dataset": ("ids.data", "ids.captures"),
    "metrics": ("ids.metrics",),
    "clip": ("ids.metrics",),
    "logger": ("ids.log",),
    "engine": ("ids.run",),
    "launch": ("ids.launch",),
}
ENTRY_POINTS = {  # of installed packages: groups that name modules or classes for ours
    "method": ("ids.methods", "ids.refiners"),
    "controls": ("ids.methods", "ids.refiners"),
    "fpr": ("ids.refiners",),
    "guidance": ("ids.methods",),
    "finish": ("ids.methods",),
    "inversion": ("ids.methods",),
    "backbone": ("ids.backbones",),
    "dataset": ("ids.datasets",),
    "metrics": ("ids.metrics",),
}
OUTSIDE = "_config_dir"  # the package that modules of a --config-dir are imported into


@dataclass(frozen=True)
class Classes:
    """The classes of this package, of installed packages with entry points, and of modules that lie
    in `folders`: a file `my_rule.py` there is named as `my_rule.MyRule`.
    """

    folders: tuple[Path, ...] = ()
    _read: dict[str, Signature | None] = field(default_factory=dict, repr=False, compare=False)

    def allows(self, target: str, where: str) -> bool:
        """May the node at `where` name this class?"""
        package, _, name = target.rpartition(".")
        if not name.isidentifier() or name.startswith("_"):
            return False
        group = where.partition(".")[0]
        return (
            package in packages(where)
            or _is_installed(target, ENTRY_POINTS.get(group, ()))
            or (group in PACKAGES and self._folder_file(package) is not None)
        )

    def signature(self, target: str) -> Signature | None:
        """Read from its source, once; None if no such class exists."""
        if target not in self._read:
            self._read[target] = read_signature(target, self._file)
        return self._read[target]

    def load(self, target: str) -> Callable[..., Any]:
        """The class itself. `ConfigError` if its module cannot be imported."""
        module, _, name = target.rpartition(".")
        outside = self._folder_file(module)
        if outside is not None:
            _mount(self.folders)
            module = f"{OUTSIDE}.{module}"
        try:
            with _without_bytecode():
                found: Callable[..., Any] = getattr(import_module(module), name)
        except (Exception, SystemExit) as error:  # whatever foreign code raises
            if target.startswith("ids."):
                raise
            raise _not_imported(outside or Path(module), target, error) from error
        return found

    def _file(self, module: str) -> Path | None:
        return self._folder_file(module) or module_file(module)

    def _folder_file(self, module: str) -> Path | None:
        """The source of a module of the folders; `ConfigError` if two of them have it."""
        top = module.partition(".")[0]
        if top in ("ids", "torch") or not all(part.isidentifier() for part in module.split(".")):
            return None
        files = [f for f in (_source(folder, module) for folder in self.folders) if f is not None]
        if len(files) > 1:
            raise ConfigError(
                f"{files[1]}: expected a module name that no other folder has; got that of "
                f"{files[0]}; rename one"
            )
        return files[0] if files else None


def packages(where: str) -> tuple[str, ...]:
    """The packages whose classes the node at `where` may name."""
    optimizer = ("torch.optim",) if where.endswith(".optimizer") else ()
    return PACKAGES.get(where.partition(".")[0], ()) + optimizer


def module_file(module: str) -> Path | None:
    """The source of an installed module, without importing its parents; of a folder without
    `__init__.py` the folder.
    """
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    roots = spec.submodule_search_locations or [str(Path(spec.origin or "").parent)]
    for root in map(Path, roots):
        place = root.joinpath(*rest) if spec.submodule_search_locations else root.joinpath(top)
        for path in (place / "__init__.py", place.with_suffix(".py"), place):
            if path.is_file() or (path is place and path.is_dir()):
                return path
    return None


def _source(folder: Path, module: str) -> Path | None:
    place = folder.joinpath(*module.split("."))
    found = (path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file())
    return next(found, None)


def _is_installed(target: str, groups: tuple[str, ...]) -> bool:
    """Does an entry point name this class, or its module?"""
    package, _, name = target.rpartition(".")
    points = (point for group in groups for point in entry_points(group=group))
    return any(point.module == package and (point.attr or name) == name for point in points)


def _mount(folders: tuple[Path, ...]) -> None:
    """Make `OUTSIDE` the package of the modules in these folders, without touching `sys.path`.
    Modules are imported anew if any of the files has changed: results are keyed by their code.
    """
    content = hashlib.sha256()
    for path in sorted(path for folder in folders for path in _python_files(folder)):
        with suppress(OSError):  # an unreadable one is an error when it is imported
            content.update(os.fsencode(path) + b"\0" + path.read_bytes() + b"\0")
    package = ModuleType(OUTSIDE, "Modules of the folders given by --config-dir.")
    package.__path__ = [str(folder) for folder in folders]
    package.__version__ = content.hexdigest()  # type: ignore[attr-defined]
    if getattr(sys.modules.get(OUTSIDE), "__version__", "") == content.hexdigest():
        return
    for name in [name for name in sys.modules if name.startswith(f"{OUTSIDE}.")]:
        del sys.modules[name]
    invalidate_caches()
    sys.modules[OUTSIDE] = package


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Leave no `__pycache__` in folders of the user: one written and changed within a second is
    stale.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _python_files(folder: Path) -> Iterator[Path]:
    packages = (package.parent for package in folder.glob("*/__init__.py"))
    for files in (folder.glob("*.py"), *(package.rglob("*.py") for package in packages)):
        yield from (path for path in files if path.is_file())


def _not_imported(path: Path, target: str, error: BaseException) -> ConfigError:
    reason = (str(error).strip().splitlines() or [""])[0][:300]
    hint = "correct it"
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"install {error.name}; modules of one folder are imported as `from .{error.name}`"
    return ConfigError(
        f"{path}: expected a module that can be imported, for {target}; got "
        f"{type(error).__name__}: {reason}; {hint}"
    )
