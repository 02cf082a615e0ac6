"""The parameters of a class, read from its source: importing torch to find a typing error would
take ten seconds.
"""

import ast
import importlib.util
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Signature:
    """What a class or function accepts. `open` ones take any keyword, classes construct."""

    name: str
    parameters: tuple[str, ...]
    required: frozenset[str]
    open: bool = False
    constructs: bool = False


@cache
def signature_of(target: str) -> Signature | None:
    """The signature behind a dotted name; None where there is no such thing."""
    module, _, name = target.rpartition(".")
    path = _module_file(module)
    if path is None or not name.isidentifier():
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return replace(_of_class(node), constructs=True)
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _of_function(node, name, skip=0)
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return signature_of(f"{node.module}.{alias.name}")
    return None


def _module_file(module: str) -> Path | None:
    """The source of a module, without importing its parents."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent.joinpath(*rest)
    return next(
        (path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None
    )


def _of_class(node: ast.ClassDef) -> Signature:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _of_function(item, node.name, skip=1)
    fields = [
        item
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and not ast.unparse(item.annotation).startswith("ClassVar")
    ]
    names = {field.target.id: field for field in fields if isinstance(field.target, ast.Name)}
    public = {name: field for name, field in names.items() if not name.startswith("_")}
    required = frozenset(name for name, field in public.items() if field.value is None)
    return Signature(node.name, tuple(public), required)


def _of_function(node: ast.FunctionDef, name: str, skip: int) -> Signature:
    arguments = node.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)][skip:]
    required = positional[: len(positional) - len(arguments.defaults)]
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required += [a.arg for a, default in keyword if default is None]
    parameters = (*positional, *(a.arg for a in arguments.kwonlyargs))
    return Signature(name, parameters, frozenset(required), open=arguments.kwarg is not None)
