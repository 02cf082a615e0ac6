"""What the classes of a method look like in code, so that a change of code is never answered with
numbers from before.

`revision` of a class is raised when its numbers change; goldens hold the package's own classes to
it. Classes from outside have nobody to hold them: there the code itself decides.
"""

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from ids.core.capabilities import parts
from ids.core.protocols import Editor

PACKAGE = "ids"


def revisions(editor: Editor) -> dict[str, int | str]:
    """Of every class an editor is composed of: its `revision`, or the digest of its code where it
    is from outside this package.
    """
    found: dict[str, int | str] = {}
    for kind in map(type, parts(editor)):
        if _from_here(kind):
            found[kind.__name__] = int(getattr(kind, "revision", 1))
        else:
            found[f"{kind.__module__}.{kind.__qualname__}"] = outside_digest(kind.__module__)
    return found


def code_digests(editor: Editor) -> dict[str, str]:
    """Of the source of every class of this package that an editor is composed of."""
    kinds = {type(part) for part in parts(editor)}
    return {kind.__name__: class_digest(kind) for kind in kinds if _from_here(kind)}


def class_digest(kind: type) -> str:
    """Of a class's source, comments, docstrings and layout aside."""
    try:
        return _digest([ast.parse(inspect.cleandoc(inspect.getsource(kind)))])
    except (OSError, SyntaxError):
        return ""  # typed into a shell: there is no source to compare


@cache
def outside_digest(name: str) -> str:
    """Of a module's source and of the modules beside it that it imports, comments aside."""
    trees = [ast.parse(_source(module)) for module in _with_its_own(sys.modules[name])]
    return _digest(trees)


def _from_here(kind: type) -> bool:
    return kind.__module__.split(".")[0] == PACKAGE


def _with_its_own(module: ModuleType) -> list[ModuleType]:
    """A module and those that it imports from its own folder or below, in the order of names."""
    home = Path(str(module.__file__)).parent if getattr(module, "__file__", None) else None
    found, todo = {module.__name__: module}, [module]
    while todo and home is not None:
        for name in _imports(todo.pop()):
            other = sys.modules.get(name)
            file = getattr(other, "__file__", None)
            if other and file and name not in found and Path(file).is_relative_to(home):
                found[name] = other
                todo.append(other)
    return [found[name] for name in sorted(found)]


def _imports(module: ModuleType) -> Iterator[str]:
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = (module.__package__ or "").split(".")
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _source(module: ModuleType) -> str:
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return ""


def _digest(trees: list[ast.Module]) -> str:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _documented(node):
                node.body = node.body[1:]
    return hashlib.sha256("\n".join(map(ast.dump, trees)).encode()).hexdigest()[:16]


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
