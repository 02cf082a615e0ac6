"""README, CONTRIBUTING and docs/ keep up with the code: links, files, and every command shown."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest
from conftest import ROOT, Compose

from ids.cli.parser import parser
from ids.config.sources import find_sources
from ids.config.space import parse_space

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(
    r"\b(?:ids|conf|scripts|benchmarks|experiments|docs)/[\w./-]+\.(?:py|yaml|md|png|ipynb)\b"
)
EXPORT = re.compile(r'^ +export (\w+)="(.*)"$', re.MULTILINE)
COMMAND = re.compile(r"^ +(?:\w+=\S+ )*(?:python -m )?ids ((?:.*\\\n)*.*)$", re.MULTILINE)
TARGET = re.compile(r"^ +make (\w+)", re.MULTILINE)


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def commands() -> Iterator[object]:
    """The words of every `ids` command in a code block, once each, with exported variables filled
    in.
    """
    seen = set()
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        exports: dict[str, str] = {}
        for name, value in EXPORT.findall(text):
            exports[name] = Template(value).safe_substitute(exports)
        for found in COMMAND.findall(text):
            line = Template(found.replace("\\\n", " ")).safe_substitute(exports)
            words = shlex.split(line, comments=True)
            if tuple(words) not in seen:
                seen.add(tuple(words))
                yield pytest.param(words, id=f"{path.stem}: {' '.join(words)[:80]}")


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def _exists(path: Path) -> bool:
    """As a file, or as the notebook that a page of the site is made of."""
    return path.exists() or path.with_suffix(".ipynb").exists()


@pytest.mark.parametrize("path", named(DOCUMENTS))
def test_links_and_files_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert [link for link in links if not _exists(path.parent / link)] == []
    files = [file for file in FILE.findall(text) if "NAME" not in file]
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("path", named(DOCUMENTS))
def test_make_targets_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in TARGET.findall(path.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("words", list(commands()))
def test_every_command_is_taken(compose: Compose, words: list[str]) -> None:
    """Flags parse; settings compose and are checked. Nothing runs."""
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            parser().parse_args(words)
        return
    args, rest = parser().parse_known_args(words)
    assert [word for word in rest if word.startswith("-")] == []
    overrides = [*getattr(args, "overrides", ()), *rest]
    if args.command == "search":
        space = parse_space(overrides, find_sources())
        overrides = space.words(space.corners()[0])
    elif args.command != "run" or "--config-dir" in words:
        return
    if overrides[0].startswith("experiments=") and len(overrides) == 1:  # composed in tests/conf
        assert overrides[0].removeprefix("experiments=") in find_sources().options("experiments")
    else:
        compose(overrides)
