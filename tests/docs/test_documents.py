"""README, CONTRIBUTING and docs/ keep up with the code: links, files, and every command shown."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import pytest
from conftest import ROOT, Compose

from ids.cli.parser import parser
from ids.config.sources import find_sources
from ids.config.space import parse_space

SOURCES = find_sources()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(
    r"\b(?:ids|conf|scripts|benchmarks|experiments|docs)/[\w./-]+\.(?:py|yaml|md|png|ipynb)\b"
)
EXPORT = re.compile(r'^ +export (\w+)="(.*)"$', re.MULTILINE)
COMMAND = re.compile(r"^ +(?:\w+=\S+ )*(?:python -m )?ids ((?:.*\\\n)*.*)$", re.MULTILINE)
FIRST = ("README", "CONTRIBUTING", "index", "quickstart")  # pages with what a newcomer types
TARGET = re.compile(r"^ +make (\w+)", re.MULTILINE)


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def commands() -> Iterator[tuple[str, list[str]]]:
    """The page and the words of every `ids` command in a code block, once each, with exported
    variables filled in.
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
                yield path.stem, words


def shown(page: str, words: list[str], marks: Sequence[pytest.MarkDecorator] = ()) -> object:
    return pytest.param(words, id=f"{page}: {' '.join(words)[:80]}", marks=marks)


def composing() -> Iterator[object]:
    """The commands with options of this package; those of later pages are slow."""
    for page, words in commands():
        if words[0] in ("run", "search") and not {"--config-dir", "--help"} & set(words):
            yield shown(page, words, () if page in FIRST else [pytest.mark.slow])


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


@pytest.mark.parametrize("words", [shown(*command) for command in commands()])
def test_every_command_is_taken(words: list[str]) -> None:
    """Flags parse, and options exist. Nothing is composed."""
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            parser().parse_args(words)
        return
    overrides = overrides_of(words)
    assert [word for word in overrides if word.startswith("-")] == []
    chosen = (word.partition("=") for word in overrides)
    options = {group: option.split(",") for group, _, option in chosen if SOURCES.options(group)}
    if "--config-dir" not in words:
        assert all(set(option) <= set(SOURCES.options(group)) for group, option in options.items())


def overrides_of(words: list[str]) -> list[str]:
    args, rest = parser().parse_known_args(words)
    return [*getattr(args, "overrides", ()), *rest]


@pytest.mark.parametrize("words", list(composing()))
def test_the_settings_of_every_command_compose(compose: Compose, words: list[str]) -> None:
    """They are checked, too. Nothing runs."""
    overrides = overrides_of(words)
    if words[0] == "search":
        space = parse_space(overrides, SOURCES)
        overrides = space.words(space.corners()[0])
    if len(overrides) > 1 or not overrides[0].startswith("experiments="):  # else in tests/conf
        compose(overrides)
