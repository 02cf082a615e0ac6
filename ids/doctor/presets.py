"""`ids doctor GROUP=OPTION ...`: every file that a configuration needs, and whether it is on this
machine, with the digest that its publisher gives. No network is used and no weights are loaded.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ids.config.build import build
from ids.config.classes import Classes
from ids.config.compose import compose_all
from ids.config.sources import find_sources
from ids.core.capabilities import iter_components
from ids.core.errors import ConfigError
from ids.core.needed import NeededFile, NeedsFiles
from ids.core.text import printable
from ids.core.weight_files import digest_of

FETCH = "python scripts/fetch_weights.py"
PARTS = ("backbone", "dataset", "metrics")  # of a configuration: those that read files
PRESETS = ("backbone", "metrics")  # groups whose options differ in the files they need


def examine_files(words: Sequence[str]) -> int:
    """Print the files of the configuration that `ids run WORDS` would use; 1 if one is missing.
    `ConfigError` for words that `ids run` would refuse.
    """
    files = needed_files(words, PARTS)
    lines = [_line(part, file) for part, file in files]
    missing = [file for _, file in files if not file.found]
    damaged = [file for _, file in files if is_damaged(file)]
    total = f"missing: {len(missing)} of {len(files)} files" if missing else "all files are found"
    total += f"; damaged: {len(damaged)}" if damaged else ""
    fetchable = any(file.url for file in (*missing, *damaged))
    remedy = [f"to fetch the weights: {FETCH} {shlex.join(words)}"] if fetchable else []
    console = Console(soft_wrap=True, highlight=False)
    for line in (*lines, *remedy, total):
        console.print(printable(line), markup=False)
    return int(bool(missing or damaged))


def is_damaged(file: NeededFile) -> bool:
    """Whether it has another digest than its publisher gives. Reads the file."""
    known = file.found and file.sha256 and Path(file.place).is_file()
    return bool(known) and not digest_of(Path(file.place)).startswith(file.sha256)


def size_text(n_bytes: int) -> str:
    """`1.7 GB`, `233.1 MB`, `512 bytes`."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if n_bytes >= 10**power:
            return f"{n_bytes / 10**power:.1f} {unit}"
    return f"{n_bytes} bytes"


def summarize_presets() -> Iterator[tuple[str, str]]:
    """The words of every option of `PRESETS`, and what is missing for it: empty if nothing is."""
    for group in PRESETS:
        for option in find_sources().options(group):
            words = f"{group}={option}"
            try:
                files = needed_files([words], [group])
            except ConfigError as error:  # an option that needs another value
                yield words, str(error)
                continue
            missing = sum(1 for _, file in files if not file.found)
            more = f"missing: {missing} of {len(files)} files; `ids doctor {words}` names them"
            yield words, more if missing else ""


def needed_files(words: Sequence[str], parts: Sequence[str]) -> list[tuple[str, NeededFile]]:
    """(part, file) of the given parts of all settings of a sweep, each file once."""
    found: dict[NeededFile, str] = {}
    for setting in compose_all(words):
        for part in parts:
            for where, file in _files_of(setting.values[part], part, setting.sources.classes):
                found.setdefault(file, where)
    return [(where, file) for file, where in found.items()]


def _files_of(
    node: Mapping[str, Any], where: str, classes: Classes
) -> Iterator[tuple[str, NeededFile]]:
    nodes = {where: node}
    if "_target_" not in node:  # a dictionary of parts, as the metrics are
        nodes = {f"{where}.{key}": value for key, value in node.items()}
    for name, value in nodes.items():
        for component in iter_components(build(value, name, classes)):
            if isinstance(component, NeedsFiles):
                yield from ((name, file) for file in component.files())


def _line(part: str, file: NeededFile) -> str:
    damaged = is_damaged(file)
    state = "DAMAGED" if damaged else "found  " if file.found else "MISSING"
    remedy = f"; {file.remedy}" if (damaged or not file.found) and file.remedy else ""
    return f"{state}  {part}: {file.what}, {file.place}{_known(file, damaged)}{remedy}"


def _known(file: NeededFile, damaged: bool) -> str:
    """Size and digest of a file that exists."""
    if file.size is None:
        return ""
    digest = "digest verified" if file.sha256 else "no digest known"
    digest = "another digest than its publisher gives" if damaged else digest
    return f" ({size_text(file.size)}, {digest})"
