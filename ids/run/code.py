"""Identity of a method's code, so that results of changed code are never taken for new ones.

For classes of this package their `revision` decides: it is raised when numbers change, and golden
tests enforce that. For classes from outside, a digest of their source code decides.
"""

import ast
import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from ids.core.capabilities import iter_components
from ids.core.edit import Editor

PACKAGE = "ids"
EDITING = (
    "backbones",
    "core",
    "diffusion",
    "editing",
    "methods",
    "representations",
    "scenes",
    "shapes",
)
CODE = "code-"  # before the digest of a part from outside this package


def revisions(editor: Editor) -> dict[str, int | str]:
    """Class name -> `revision`, for every class an editor is composed of. For a class from outside
    this package: its full name -> digest of its code.
    """
    found: dict[str, int | str] = {}
    for kind in _deciding_kinds(editor):
        if _is_ours(kind):
            found[kind.__name__] = int(getattr(kind, "revision", 1))
        else:
            found[f"{kind.__module__}.{kind.__qualname__}"] = outside_digest(kind)
    return found


def code_digests(editor: Editor) -> dict[str, str]:
    """Class name -> digest of its source, for the classes of this package."""
    kinds = set(_deciding_kinds(editor))
    ours = [kind for kind in kinds if _is_ours(kind)]
    return {kind.__name__: class_digest(kind) for kind in ours}


def _deciding_kinds(editor: Editor) -> Iterator[type]:
    """The classes of a method, without `neutral` ones: those change no result, and are no part of
    its key.
    """
    kinds = map(type, iter_components(editor))
    return (kind for kind in kinds if not getattr(kind, "neutral", False))


@cache
def class_digest(kind: type) -> str:
    """Digest of a class's source without comments, docstrings and layout; empty without source."""
    try:
        return _digest([ast.parse(inspect.cleandoc(inspect.getsource(kind)))])
    except (OSError, SyntaxError):
        return ""  # typed into a shell


@cache
def editing_digest() -> str:
    """Digest of the code of this package that edits depend on, helpers of the classes included."""
    total, package = hashlib.sha256(), Path(__file__).parents[1]
    for layer in EDITING:
        for file in sorted((package / layer).rglob("*.py")):
            total.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    return total.hexdigest()[:16]


def outside_id(part: object) -> str:
    """`code-` and a digest of the code and the fields of a part with classes from outside this
    package; empty where all of its classes are ours.
    """
    kinds = {type(component) for component in (part, *iter_components(part))}
    digests = sorted(outside_digest(kind) for kind in kinds if not _is_ours(kind))
    if not digests:
        return ""
    settings = repr(part) if dataclasses.is_dataclass(part) else ""
    return CODE + hashlib.sha256("\0".join([*digests, settings]).encode()).hexdigest()[:8]


def outside_digest(kind: type) -> str:
    """Digest of the source of a class's module and of the modules of the same package or folder
    that it imports, without comments and docstrings. Without source: digest of its bytecode.
    """
    trees = [ast.parse(_source(module)) for module in _with_imports(sys.modules[kind.__module__])]
    return _digest(trees) if any(tree.body for tree in trees) else _bytecode_digest(kind)


def _is_ours(kind: type) -> bool:
    return kind.__module__.split(".")[0] == PACKAGE


def _with_imports(module: ModuleType) -> list[ModuleType]:
    """A module and the modules of its package that it imports, sorted by name. For a module outside
    any package: the imported modules in its folder or below.
    """
    top = sys.modules.get(module.__name__.split(".")[0])
    file = getattr(top, "__file__", None)
    homes = list(getattr(top, "__path__", [Path(file).parent] if file else []))
    found, todo = {module.__name__: module}, [module]
    while todo and homes:
        for name in _imports(todo.pop()):
            other = sys.modules.get(name)
            file = getattr(other, "__file__", None)
            if other and file and name not in found and any(map(Path(file).is_relative_to, homes)):
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


def _bytecode_digest(kind: type) -> str:
    """Digest of a class that was typed into a shell."""
    codes = {k: v.__code__ for k, v in vars(kind).items() if inspect.isfunction(v)}
    seen = [(k, c.co_code.hex(), repr(c.co_consts), c.co_names) for k, c in sorted(codes.items())]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _digest(trees: list[ast.Module]) -> str:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _has_docstring(
                node
            ):
                node.body = node.body[1:]
    return hashlib.sha256("\n".join(map(ast.dump, trees)).encode()).hexdigest()[:16]


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
