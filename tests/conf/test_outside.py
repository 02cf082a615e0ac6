"""Options and classes from outside: folders of the user, and installed packages."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ids.config.classes import Classes
from ids.config.compose import compose_all
from ids.config.entry import prepare
from ids.config.signature import Signature
from ids.config.sources import find_sources
from ids.core.errors import ConfigError
from ids.run.code import outside_digest

RULE = """
from ids.methods import DDS

class Mine(DDS):
    pass
"""
OPTION = "defaults: [_distillation, _self_]\nname: mine\ndistillation: {_target_: rule.Mine}\n"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Files of a folder, by path and text."""

    def files(texts: dict[str, str], folder: str = "lab") -> Path:
        for name, text in texts.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / folder

    return files


def error_of(folder: Path, *words: str) -> str:
    with pytest.raises(ConfigError) as raised:
        prepare(words, config_dirs=[str(folder)])
    assert "\n" not in str(raised.value)
    return str(raised.value)


def rule_of(folder: Path, *words: str) -> type:
    """The class of the rule that is built."""
    ((_, experiment),) = prepare(["method=mine", *words], config_dirs=[str(folder)]).ready
    return type(experiment.method.editor.distillation)  # type: ignore[attr-defined]


def test_a_module_of_a_folder_is_imported_under_a_private_name(write: Write) -> None:
    folder = write({"rule.py": RULE, "method/mine.yaml": OPTION})
    kind = rule_of(folder)
    assert (kind.__module__, kind.__qualname__) == ("_config_dir.rule", "Mine")
    assert "rule" not in sys.modules
    assert str(folder) not in sys.path
    assert not (folder / "__pycache__").exists()


def test_a_changed_module_is_imported_again_and_has_another_digest(write: Write) -> None:
    texts = {"rule.py": "from .base import Mine\n", "base.py": RULE, "method/mine.yaml": OPTION}
    folder = write(texts)
    first = rule_of(folder)
    before = outside_digest(first)
    assert rule_of(folder) is first
    write({"base.py": RULE.replace("pass", "revision = 2")})
    second = rule_of(folder)
    assert second.revision == 2  # type: ignore[attr-defined]
    assert outside_digest(second) != before


def test_a_sibling_that_changes_is_in_the_digest(write: Write) -> None:
    rule = f"from .constants import SCALE\n{RULE}"
    folder = write({"rule.py": rule, "constants.py": "SCALE = 1\n", "method/mine.yaml": OPTION})
    before = outside_digest(rule_of(folder))
    write({"constants.py": "SCALE = 2\n"})
    assert outside_digest(rule_of(folder)) != before


def test_packages_and_inherited_fields_of_a_folder(write: Write) -> None:
    base = "from dataclasses import dataclass\nfrom ids.methods import PDS\n"
    rule = f"{base}@dataclass(frozen=True)\nclass Mine(PDS):\n    extra: float = 1.0\n"
    option = OPTION.replace("rule.Mine}", "lab.Mine, beta: strided, extra: 2.0}")
    folder = write(
        {"lab/__init__.py": "from .rule import Mine\n", "lab/rule.py": rule},
    )
    write({"method/mine.yaml": option})
    assert rule_of(folder).__module__ == "_config_dir.lab.rule"
    assert "no such option; did you mean extra?" in error_of(
        folder, "method=mine", "+method.distillation.extr=1"
    )


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        ({"rule.py": "class Mine(:\n"}, "rule.py line 1: expected Python; got"),
        ({"rule.py": "x = '\0'\n"}, "rule.py: expected Python"),
        ({"rule.py": f"import nowhere\n{RULE}"}, "install nowhere; modules of one folder are"),
        ({"rule.py": f"{RULE}\n1 / 0"}, "got ZeroDivisionError: division by zero; correct it"),
        ({"rule.py": f"{RULE}\nraise SystemExit(0)"}, "got SystemExit: 0; correct it"),
        ({"rule.py": "def Mine(): pass"}, "expected a class that exists; got rule.Mine"),
        ({"rule.py": "Mine = 3"}, "expected a class that exists; got rule.Mine"),
        ({"rule.py": "class Mine: pass"}, "method.distillation: expected Distillation; got Mine"),
        ({}, "method.distillation._target_: expected a class of ids.methods"),
    ],
)
def test_a_module_that_cannot_be_used_is_named(
    write: Write, texts: dict[str, str], answer: str
) -> None:
    folder = write({"method/mine.yaml": OPTION, **texts})
    assert answer in error_of(folder, "method=mine")


@pytest.mark.parametrize(
    "target",
    ["os.system", "subprocess.Popen", "torch.save", "rule._Hidden", "..rule.Mine", "rule", "a/b.C"],
)
def test_classes_from_elsewhere_are_refused(write: Write, target: str) -> None:
    folder = write({"method/mine.yaml": OPTION.replace("rule.Mine", target), "rule.py": RULE})
    assert f"got {target}" in error_of(folder, "method=mine")


def test_modules_outside_the_folder_are_refused(write: Write) -> None:
    write({"rule.py": RULE}, "elsewhere")
    folder = write({"method/mine.yaml": OPTION})
    assert "or give the folder of your module by --config-dir" in error_of(folder, "method=mine")


def test_options_are_checked_like_those_of_the_package(write: Write) -> None:
    folder = write({"rule.py": RULE, "method/mine.yaml": OPTION, "method/two words.yaml": ""})
    assert "method=mime: no such choice; did you mean mine?" in error_of(folder, "method=mime")
    assert "two words" not in find_sources([str(folder)]).options("method")
    option = find_sources([str(folder)]).option("method", "mine")
    assert (option.summary, option.origin) == ("", str(folder))


def test_a_yaml_that_cannot_be_read_is_named(write: Write) -> None:
    folder = write({"method/mine.yaml": "name: mine\na: [b\n"})
    assert "mine.yaml line 3: expected YAML; expected ',' or ']'" in error_of(folder, "method=mine")


def test_a_name_that_is_taken_is_refused(write: Write) -> None:
    folder = write({"method/ids.yaml": OPTION})
    assert "method=ids is an option of ids already; rename the file" in error_of(
        folder, "method=dds"
    )
    write({"rule.py": RULE}, "other")
    folder = write({"method/ids.yaml": "", "method/mine.yaml": OPTION, "rule.py": RULE})
    (folder / "method" / "ids.yaml").unlink()
    with pytest.raises(ConfigError, match="expected a module name that no other folder has"):
        prepare(["method=mine"], config_dirs=[str(folder), str(folder.parent / "other")])


@pytest.mark.parametrize("name", ["", "nowhere", "file", "a\0b", "~unknown/x"])
def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    given = str(tmp_path / name) if name == "file" else name
    with pytest.raises(ConfigError, match="--config-dir: expected a folder of options"):
        find_sources([given])


@pytest.mark.parametrize("folder", ["a b", "it's", "a,b", "100%", "[x]", "ü", "a\\b"])
def test_folders_of_any_name(write: Write, folder: str) -> None:
    place = write({"rule.py": RULE, "method/mine.yaml": OPTION}, folder)
    (setting,) = compose_all(["method=mine"], find_sources([str(place)]))
    assert setting.name == "mine"


def test_packages_with_entry_points(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[ids.methods]\nr = rival.rules\n[ids.refiners]\nn = rival.noise:Noise\n"
    site = write(
        {
            "rival/__init__.py": "",
            "rival/rules.py": "from .inner import Mine\n",
            "rival/inner.py": RULE,
            "rival/noise.py": "from ids.methods import NoiseFPR\nNoise = NoiseFPR\n"
            "class Other: pass\n",
            "rival/conf/method/rival.yaml": "# A rule of a package.\n"
            + OPTION.replace("rule.Mine", "rival.rules.Mine").replace("mine", "rival"),
            "rival-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n",
            "rival-1.0.dist-info/entry_points.txt": f"{points}[ids.conf]\nc = rival.conf\n",
        },
        "site",
    )
    monkeypatch.syspath_prepend(str(site))
    sources = find_sources()
    assert sources.option("method", "rival").origin == "package rival"
    ((_, experiment),) = prepare(["method=rival"]).ready
    assert experiment.method.name == "rival"
    assert Classes().allows("rival.noise.Noise", "fpr")
    assert Classes().allows("rival.noise.Noise", "method.fpr")
    assert not Classes().allows("rival.noise.Other", "fpr")
    assert not Classes().allows("rival.rules.Mine", "metrics.m")
    assert not Classes().allows("rival.inner.Mine", "method")


def test_fields_that_the_constructor_does_not_take(write: Write) -> None:
    folder = write(
        {
            "fields.py": "from typing import ClassVar\nimport typing\n"
            "from dataclasses import dataclass, field\nfrom torch.nn import Module\n"
            "@dataclass\nclass Fields:\n"
            "    a: int\n    b: list = field(default_factory=list)\n    c: int = field()\n"
            "    d: int = field(init=False)\n    E: ClassVar[int] = 1\n"
            "    F: 'typing.ClassVar[int]' = 2\n    _g: int = 3\n"
            "class Net(Module):\n    pass\n"
        }
    )
    classes = Classes((folder,))
    fields = classes.signature("fields.Fields")
    assert fields == Signature(
        "Fields", ("a", "b", "c"), frozenset({"a", "c"}), open=False, constructs=True
    )
    net = classes.signature("fields.Net")
    assert net is not None
    assert net.open  # its constructor is in a module that is not read
