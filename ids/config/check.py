"""Keys and classes of a configuration, checked against the signatures in the source: a typing error
is answered within a second, with the nearest right name, and no foreign code is imported.
"""

import errno
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ids.config.classes import Classes, packages
from ids.config.former_words import todays_key
from ids.core.errors import ConfigError
from ids.core.places import refuses_files
from ids.core.rows import RowSelection

RESERVED = ("_target_", "_partial_")
NAMED = (
    "method",
    "fpr",
    "guidance",
    "finish",
    "inversion",
    "controls",
)  # groups of parts with a `name`
ONE = (
    "method",
    "backbone",
    "representation",
    "dataset",
    "engine",
    "launch",
    "fpr",
    "guidance",
    "finish",
    "inversion",
)  # of one part
MANY = ("controls", "metrics", "logger")  # groups of parts by name
MAX_SIDE = 8192  # of an image, in pixels
MAX_NAME = 255  # bytes of a file's name
MAX_SEED = 2**63 - 1


def check(values: Mapping[str, Any], classes: Classes) -> None:
    """Raise `ConfigError` for the first wrong key or value. Imports nothing heavy."""
    checker = _Checker(classes)
    for key in sorted(values):  # fpr and inversion before method, which points to them
        checker.check(values[key], key)
    for group in ONE:
        _check_part(values.get(group), group)
    for group in MANY:
        for name, part in values.get(group, {}).items():
            _check_part(part, f"{group}.{name}")
    _check_run(values)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint: the nearest known word, or all of them."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"available: {', '.join(known) or 'none'}"


def no_option(where: str, known: Iterable[str]) -> str:
    """The message for an unknown key: today's word for a former one, or the nearest."""
    if today := todays_key(where):
        return f"{where}: no such option; it is {today} now"
    return f"{where}: no such option; {nearest(where.rpartition('.')[2], known)}"


def is_reserved(key: str, where: str) -> bool:
    """Is this key of the node at `where` for the configuration itself, not for the class?"""
    return key in RESERVED or (key == "name" and where.partition(".")[0] in NAMED)


@dataclass(frozen=True)
class _Checker:
    classes: Classes

    def check(self, node: object, where: str) -> None:
        if isinstance(node, Mapping):
            self._check_mapping(node, where)
        elif isinstance(node, list):
            for index, value in enumerate(node):
                self.check(value, f"{where}[{index}]")
        elif isinstance(node, float) and not math.isfinite(node):
            raise ConfigError(
                f"{where}: expected a number; got {node}; leave it out for the default"
            )

    def _check_mapping(self, node: Mapping[str, Any], where: str) -> None:
        for key in node:
            if str(key).startswith("_") and key not in RESERVED:
                raise ConfigError(f"{where}.{key}: not taken here; leave it out")
        if "_target_" in node:
            self._check_target(node, where)
        elif "_partial_" in node:
            raise ConfigError(f"{where}._partial_: expected beside a _target_; leave it out")
        for key in sorted(node, key=str):
            if key not in RESERVED:
                self.check(node[key], f"{where}.{key}")

    def _check_target(self, node: Mapping[str, Any], where: str) -> None:
        target = str(node["_target_"])
        optimizer = where.endswith(".optimizer") and target.startswith("torch.optim.")
        if not self.classes.allows(target, where):
            raise ConfigError(
                f"{where}._target_: expected a class of "
                f"{' or '.join(packages(where)) or 'no package'}; got {target[:80]}; take one of "
                "those, or give the folder of your module by --config-dir"
            )
        signature = self.classes.signature(target)
        if signature is None or not signature.constructs:
            today = todays_key(target)
            hint = f"; it is {today} now" if today else ""
            raise ConfigError(
                f"{where}._target_: expected a class that exists; got {target[:80]}{hint}"
            )
        if node.get("_partial_", False) is not optimizer:
            raise ConfigError(
                f"{where}._partial_: expected {str(optimizer).lower()}; leave it unchanged"
            )
        given = [key for key in node if not is_reserved(key, where)]
        for key in given:
            if key not in signature.parameters and not signature.open:
                raise ConfigError(no_option(f"{where}.{key}", signature.parameters))
        missing = sorted(signature.required - set(given))
        if missing and not optimizer:
            raise ConfigError(
                f"{where}.{missing[0]}: expected a value; got none; {signature.name} needs it"
            )


def _check_part(node: object, where: str) -> None:
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ConfigError(
            f"{where}: expected an option of the group; got {str(node)[:60]!r}; see "
            "`ids run --help`"
        )


def _check_run(values: Mapping[str, Any]) -> None:
    """The values that belong to no group, and sizes that no machine can hold."""
    seeds = values["seeds"]
    if not seeds:
        raise ConfigError("seeds: expected one seed or more; got none; set seeds=[0]")
    for index, seed in enumerate(seeds):
        if not isinstance(seed, int):
            raise ConfigError(f"seeds[{index}]: expected a whole number; got {str(seed)[:60]}")
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds: expected every seed once; got {str(seeds)[:60]}; leave one out")
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seeds: expected 0 to 2**63 - 1; got {seed}; take another")
    row_selection(values)
    size = values["dataset"].get("size")
    if isinstance(size, int) and not 1 <= size <= MAX_SIDE:
        raise ConfigError(
            f"dataset.size: expected a side of 1 to {MAX_SIDE} pixels; got {size}; change it"
        )
    _check_folder(values["output_dir"])


def row_selection(values: Mapping[str, Any]) -> RowSelection:
    """The rows that a configuration selects. `ConfigError` for a value out of range."""
    tags = values["tags"] if isinstance(values["tags"], list) else [values["tags"]]
    if wrong := [tag for tag in tags if type(tag) not in (str, int)]:
        got = f"got {str(wrong[0])[:60]!r}"
        raise ConfigError(f"tags: expected one tag or a list of tags; {got}; write [style,pose]")
    rest = {f.name: values[f.name] for f in fields(RowSelection) if f.name not in ("tags", "drawn")}
    return RowSelection(**rest, tags=tuple(map(str, tags)))


def _check_folder(output_dir: object) -> None:
    """A folder that exists or can be created, where files can be written."""
    if not isinstance(output_dir, str) or not output_dir.strip() or "\0" in output_dir:
        raise ConfigError(f"output_dir: expected a folder; got {output_dir!r}; name one")
    try:
        places = [Path(output_dir), *Path(output_dir).absolute().parents]
        existing = next(place for place in places if os.path.lexists(place))
        is_folder = existing.is_dir()
        if any(len(os.fsencode(part)) > MAX_NAME for part in Path(output_dir).parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"output_dir: expected a folder; {output_dir[:60]!r} cannot be one ({error})"
        ) from error
    if not is_folder:
        raise ConfigError(f"output_dir: expected a folder; got the file {existing}; name another")
    if reason := refuses_files(existing):
        raise ConfigError(
            f"output_dir: expected a folder that can be written; {existing} cannot ({reason}); "
            "name another"
        )
