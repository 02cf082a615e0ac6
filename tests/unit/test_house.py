"""The house rules that a program can check: sizes, docstrings, words."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE = 250  # lines
MAX_FUNCTION = 40  # lines, its docstring aside
DOCUMENTED = 0.8  # of the public functions, methods and classes of the package
FOLDERS = ("ids", "tests", "scripts", "benchmarks")
DIALECT = {  # words of an earlier edition, and the terms of the field
    "told": "message, described",
    "asked": "requested, question",
    "spelt": "normalized",
    "says": "matches, describes",
    "walk": "loop, sampling",
    "climb": "inversion step",
    "picture": "image",
    "basis": "weights_id",
    "stated": "written, configured",
    "campaign": "experiment",
    "remembering": "cached",
    "asdrawn": "no refinement",
    "misspelt": "misspelled",
    "whoever": "a user who",
    "nobody": "no process, no user",
    "ought": "must, expected",
    "said": "printed, written",
    "came": "read, got",
    "became": "is",
    "unheard": "unknown",
    "strays": "outliers",
}
OTHERS_WORDS = ("ast.walk", "os.walk", "pkgutil.walk_packages")  # of libraries
FORMER_WORDS = {  # modules that translate words of earlier versions, their tests, and this file
    "former_words.py",
    "former_names.py",
    "test_former_words.py",
    "test_former_names.py",
    Path(__file__).name,
}


def _files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_no_file_is_long() -> None:
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in _files(*FOLDERS)}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE} == {}


def test_no_function_is_long() -> None:
    long = {}
    for file in _files(*FOLDERS):
        for function in _functions(ast.parse(file.read_text())):
            documented = ast.get_docstring(function) is not None
            first = function.body[1 if documented and len(function.body) > 1 else 0]
            assert function.end_lineno is not None
            if (length := function.end_lineno - first.lineno + 1) > MAX_FUNCTION:
                long[f"{file.relative_to(ROOT)}:{function.name}"] = length
    assert long == {}


def test_public_names_are_documented() -> None:
    found = [
        (f"{file.relative_to(ROOT)}:{node.name}", ast.get_docstring(node) is not None)
        for file in _files("ids")
        for node in _public(ast.parse(file.read_text()))
    ]
    missing = [name for name, documented in found if not documented]
    assert len(missing) <= (1 - DOCUMENTED) * len(found), missing


def _public(module: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Functions, classes and their methods without an underscore."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    method
                    for method in node.body
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
                )


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_and_prose_use_the_terms_of_the_field(folder: str) -> None:
    found: dict[str, list[str]] = {}
    for file in _files(folder):
        if file.name not in FORMER_WORDS:
            for word in DIALECT.keys() & _words(file.read_text()):
                found.setdefault(f"{word} -> {DIALECT[word]}", []).append(file.name)
    assert found == {}


def _words(source: str) -> set[str]:
    """Of names, strings and comments."""
    kinds = (tokenize.NAME, tokenize.STRING, tokenize.COMMENT)
    for phrase in OTHERS_WORDS:
        source = source.replace(phrase, "")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    text = " ".join(token.string for token in tokens if token.type in kinds)
    return set(re.findall(r"[a-z]+", text.lower().replace("_", " ")))
