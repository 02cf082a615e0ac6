"""Names of methods in tables: the `name:` of a method's yaml, and of a refiner or inversion that
replaces its default.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ids.config.sources import OPTION, Sources
from ids.core.errors import ConfigError

NAMED = ("method", "fpr", "guidance", "finish", "inversion")  # groups whose options have a `name`
# A rule on drawn noise -> the name of the rule on noise refined by fpr=released.
REFINED = {"dds": "ids", "cds": "ids_cut", "dds_and_back": "ids_and_back"}
DRAWN = {refined: drawn for drawn, refined in REFINED.items()}
# The name of a method with other options -> the yaml that chooses them, and back.
COMBINED = {"dds+settle+displacement_mask": "dds_settled_masked"}
BASES = {combined: name.split("+")[0] for name, combined in COMBINED.items()}
ADDED = {"guidance": "constant", "finish": "none", "inversion": "ddim"}  # group -> its default
Names = Mapping[str, str]  # by group


def option_names(config: Mapping[str, Any], choices: Names, sources: Sources) -> Names:
    """The names of the chosen options of `NAMED`. `ConfigError` for a yaml without a distinct
    name, or a name that was changed elsewhere.
    """
    return {group: _option_name(group, choices[group], config, sources) for group in NAMED}


def method_name(method: Mapping[str, Any], names: Names, default_names: Callable[[], Names]) -> str:
    """`ids`, `ids+polyak`, `p2p+null_text`, `dds+settle`, and so on. `default_names` gives the
    names of what the method's yaml chooses by itself.
    """
    base = BASES.get(names["method"], names["method"])
    defaults = ADDED if base != names["method"] else None
    name = _refined_name(base, names["fpr"], default_names) if _has("fpr", method) else base
    for group in ADDED:
        takes = group == "finish" or _has(group, method)  # every method takes a finish
        if takes and names[group] != (defaults or default_names())[group]:
            name = f"{name}+{names[group]}"
    return COMBINED.get(name, name)


def _refined_name(name: str, fpr: str, default_names: Callable[[], Names]) -> str:
    """`method=ids` and `method=dds fpr=released` are one method, `ids`."""
    drawn = DRAWN.get(name, name)
    if drawn in REFINED:
        known = {"none": drawn, "released": REFINED[drawn]}
        return known.get(fpr, f"{REFINED[drawn]}+{fpr}")
    return name if fpr == default_names()["fpr"] else f"{name}+{fpr}"


def _has(part: str, node: Mapping[str, Any]) -> bool:
    """Is there such a part, at any depth?"""
    return part in node or any(_has(part, v) for v in node.values() if isinstance(v, Mapping))


def _option_name(group: str, choice: str, config: Mapping[str, Any], sources: Sources) -> str:
    option = sources.option(group, choice)
    name = option.table_name
    where = f"{option.path}: name"
    if name is None:
        raise ConfigError(f"{where}: expected what tables call it; got none; add `name: {choice}`")
    if not isinstance(name, str) or not OPTION.fullmatch(name):
        raise ConfigError(
            f"{where}: expected letters, digits, '_', '-', '+' and single dots; got "
            f"{str(name)[:60]!r}; change it"
        )
    if name != choice and name in sources.options(group):
        raise ConfigError(
            f"{where}: expected a name that no other option has; {name} is one; change it"
        )
    node = config[group]
    composed = node.get("name") if isinstance(node, Mapping) else None
    if composed != name:
        raise ConfigError(
            f"{group}.name: expected {name}, as {option.path.name} has it; got "
            f"{str(composed)[:60]!r}; give a variant a yaml of its own"
        )
    return name
