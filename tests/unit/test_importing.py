"""Deferred modules are imported when something of them is used."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from ids.core import importing
from ids.core.importing import Deferred, Distributions, lean_imports


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that is deferred, with a function `double` and a submodule."""
    package = tmp_path / "late_package"
    package.mkdir()
    content = "__version__ = '7'\nFACTOR = 2\ndef double(x): return 2 * x"
    (package / "__init__.py").write_text(content)
    (package / "inner.py").write_text("VALUE = 3")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(importing, "DEFERRED", {package.name: ("double",), "not_installed": ()})
    for name in (package.name, f"{package.name}.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield package.name
    sys.modules.pop(package.name, None)
    sys.modules.pop(f"{package.name}.inner", None)


def is_imported(name: str) -> bool:
    return name in sys.modules and not isinstance(sys.modules[name], Deferred)


def test_a_function_imports_its_module_when_it_is_called(late: str) -> None:
    with lean_imports():
        double = import_module(late).double
        assert find_spec(late) is not None  # installed, for those who look
        assert not is_imported(late)
        with pytest.raises(ImportError):
            import_module("not_installed")
    assert late not in sys.modules
    assert double(4) == 8
    assert is_imported(late)


@pytest.mark.parametrize("name", ["FACTOR", "__version__", "double"])
def test_any_other_use_imports_the_module(late: str, name: str) -> None:
    with lean_imports():
        module = import_module(late)
        assert not is_imported(late)
        value = getattr(module, name)
        if name != "double":
            assert is_imported(late)
    assert value == 2 or value == "7" or value(1) == 2


def test_a_submodule_is_found(late: str) -> None:
    with lean_imports():
        assert import_module(f"{late}.inner").VALUE == 3
        assert is_imported(late)
    assert sys.modules[late].inner.VALUE == 3


def test_what_is_loaded_already_stays(late: str) -> None:
    loaded = import_module(late)
    with lean_imports():
        assert import_module(late) is loaded
    assert sys.modules[late] is loaded


def test_an_error_leaves_nothing_deferred(late: str) -> None:
    listing = metadata.packages_distributions
    with pytest.raises(ModuleNotFoundError), lean_imports():
        import_module("absent_package")
    assert late not in sys.modules
    assert metadata.packages_distributions is listing
    assert gc.isenabled()


def test_the_list_of_packages_is_that_of_the_library() -> None:
    with lean_imports():
        found = metadata.packages_distributions()
    assert isinstance(found, Distributions)
    assert dict(found) == metadata.packages_distributions()
    assert "torch" in found
    assert "no_such_package" not in found


def test_imported_objects_are_old_and_still_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)  # whatever froze the objects of tests

    class Node:
        itself: "Node"

    with lean_imports():
        one = Node()
        one.itself = one
        assert any(one is each for each in gc.get_objects(generation=0))
    assert any(one is each for each in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0
    number = id(one)
    del one
    gc.collect()
    assert all(id(each) != number or not isinstance(each, Node) for each in gc.get_objects())


@pytest.mark.slow
def test_open_clip_is_imported_without_timm_and_calls_it_later() -> None:
    """Nor with torch's compiler, which torchvision and timm import."""
    code = """
import sys
from ids.core.importing import lean_imports
with lean_imports():
    from open_clip import timm_model
assert not {"timm", "torch._dynamo", "scipy.optimize"} & set(sys.modules)
assert timm_model.to_2tuple(3) == (3, 3)
assert timm_model.timm.layers is sys.modules["timm.layers"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
