"""The files that `ids new` writes: a module and its option, from a working template."""

import importlib.util
import keyword
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ids.config.sources import Sources
from ids.core.errors import ConfigError

TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True)
class Kind:
    """A kind of extension: the group of its option, and the words that run it."""

    group: str
    words: str


KINDS: Mapping[str, Kind] = {
    "method": Kind("method", "method={name} limit=1"),
    "refiner": Kind("fpr", "method=dds fpr={name} limit=1"),
    "metric": Kind("metric", "+metric={name} limit=1"),
    "dataset": Kind("dataset", "dataset={name} dataset.path=FILE limit=1"),
}


def scaffold(kind: str, name: str, into: Path, sources: Sources) -> list[Path]:
    """Write NAME.py and GROUP/NAME.yaml into a folder; their paths. Nothing is overwritten.
    `ConfigError` for a name that is taken or no name, and for a folder that cannot be written.
    """
    group = KINDS[kind].group
    _check_name(name, group, sources)
    files = {into / f"{name}.py": f"{kind}.py", into / group / f"{name}.yaml": f"{kind}.yaml"}
    for path in files:
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path}: expected a new file; it exists; choose another name")
    _check_module(name)
    for path, template in files.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        title = "".join(part.capitalize() for part in name.split("_"))
        text = text.replace("Template", title).replace("template", name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(
                f"{path}: expected a folder that can be written; {error.strerror}; choose another "
                "by --into"
            ) from error
    return list(files)


def _check_name(name: str, group: str, sources: Sources) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name[:60]!r}: expected a name of lower-case letters, digits and '_', such as "
            "my_rule; choose another"
        )
    if name in sources.options(group):
        raise ConfigError(
            f"{name}: expected a new name; {group}={name} is an option of "
            f"{sources.option(group, name).origin}; choose another"
        )


def _check_module(name: str) -> None:
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise ConfigError(
            f"{name}: expected a new name; an installed module has it; choose another"
        )
