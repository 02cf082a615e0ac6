"""The parameters of a class, read from its source: importing torch to find a typing error would
take ten seconds.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ids.core.errors import ConfigError

Find = Callable[[str], Path | None]  # a module's dotted name -> its source file


@dataclass(frozen=True)
class Signature:
    """The parameters of a class or function. `open`: any keyword; `constructs`: it is a class."""

    name: str
    parameters: tuple[str, ...]
    required: frozenset[str]
    open: bool = False
    constructs: bool = False


def read_signature(target: str, find: Find) -> Signature | None:
    """The signature of a dotted name; None if nothing has that name. `ConfigError` for a module
    that is no Python.
    """
    module, _, name = target.rpartition(".")
    path = find(module)
    if path is None or path.is_dir() or not name.isidentifier():
        return None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    scope = _Scope(module, package, _parse(path), find)
    return scope.signature(name)


def _parse(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(path.read_bytes()).body
    except SyntaxError as error:
        line = f" line {error.lineno}" if error.lineno else ""
        raise ConfigError(f"{path}{line}: expected Python; got {error.msg}; correct it") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected Python; {error}; correct it") from error


@dataclass(frozen=True)
class _Scope:
    """The names of one module."""

    module: str
    package: str
    body: list[ast.stmt]
    find: Find

    def signature(self, name: str) -> Signature | None:
        """Of a class or function of this module, or one that it imports by name."""
        for node in self.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return replace(self._of_class(node), constructs=True)
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return _of_function(node, name, skip=0)
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return read_signature(f"{self._origin(node)}.{alias.name}", self.find)
        return None

    def _origin(self, node: ast.ImportFrom) -> str:
        """The module that `from ... import` names, relative ones included."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        above = parts[: len(parts) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _of_class(self, node: ast.ClassDef) -> Signature:
        """Of `__init__`, else of the fields of a dataclass, those of its base classes first."""
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return _of_function(item, node.name, skip=1)
        parameters: dict[str, bool] = {}  # name -> is it required?
        is_open = False
        for base in reversed(node.bases):
            found = self._base(base)
            is_open |= found is None or found.open
            names = found.parameters if found else ()
            parameters |= {name: name in found.required for name in names if found}
        parameters |= dict(_fields(node))
        required = frozenset(name for name, needed in parameters.items() if needed)
        return Signature(node.name, tuple(parameters), required, is_open)

    def _base(self, base: ast.expr) -> Signature | None:
        """Of a base class; None if it cannot be read: any keyword may be one of its parameters."""
        if isinstance(base, ast.Subscript):  # Generic[T], Protocol[T]
            base = base.value
        name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
        if name in ("Protocol", "Generic", "object"):
            return Signature(name, (), frozenset())
        return self.signature(name) if isinstance(base, ast.Name) else None


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """The public fields of a dataclass that its constructor takes, and whether it needs them."""
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        options = _field_options(item.value)
        if item.target.id.startswith("_") or _is_class_var(item.annotation):
            continue
        if options is None:
            yield item.target.id, item.value is None
        elif not _is_false(options.get("init")):
            yield item.target.id, not {"default", "default_factory"} & set(options)


def _field_options(value: ast.expr | None) -> dict[str | None, ast.expr] | None:
    """The keywords of `field(...)`; None for any other value."""
    if not isinstance(value, ast.Call):
        return None
    name = getattr(value.func, "id", getattr(value.func, "attr", ""))
    return {keyword.arg: keyword.value for keyword in value.keywords} if name == "field" else None


def _is_false(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def _is_class_var(annotation: ast.expr) -> bool:
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return str(text).partition("[")[0].rpartition(".")[2] == "ClassVar"


def _of_function(node: ast.FunctionDef, name: str, skip: int) -> Signature:
    arguments = node.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)][skip:]
    required = positional[: len(positional) - len(arguments.defaults)]
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required += [a.arg for a, default in keyword if default is None]
    parameters = (*positional, *(a.arg for a in arguments.kwonlyargs))
    return Signature(name, parameters, frozenset(required), open=arguments.kwarg is not None)
