"""Where options and classes come from: this package, installed packages, folders of the user."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path

import yaml

from ids.config.classes import Classes, module_file
from ids.core.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
PACKAGE = Path(__file__).resolve().parents[1]
ENTRY_POINT = "ids.conf"  # of packages that ship options: each names a package or folder of one
OPTION = re.compile(r"[\w+-]+(\.[\w+-]+)*")  # a name, never a path
OPTION_PATH = re.compile(rf"({OPTION.pattern}/)?{OPTION.pattern}")  # or in a folder of its group
GROUPS = (
    "method",
    "fpr",
    "guidance",
    "finish",
    "inversion",
    "sites",
    "controls",
    "backbone",
    "representation",
    "dataset",
    "metrics",
    "metric",
    "clip",
    "logger",
    "engine",
    "launch",
    "debug",
    "steps",
    "size",
    "experiments",
)


OWN = ("**/*.yaml", "experiments/**/*.yaml")  # this package's yamls, in its two places
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Option:
    """One yaml of a group: `group=name` on the command line."""

    group: str
    name: str
    path: Path
    origin: str  # ids, a package, or a folder

    @cached_property
    def table_name(self) -> object:
        """The `name:` of its yaml, read once for all settings; None without one."""
        content = yaml.load(self.path.read_text(encoding="utf-8"), Loader=LOADER)
        return content.get("name") if isinstance(content, dict) else None

    @property
    def summary(self) -> str:
        """The first comment of its yaml; empty if it has none, or cannot be read."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        comments = (line[1:].strip() for line in lines if line.startswith("#"))
        return next((text for text in comments if not text.startswith("@package")), "")


@dataclass(frozen=True)
class Source:
    """A folder that holds options as GROUP/NAME.yaml."""

    folder: Path
    origin: str

    def options(self, group: str) -> Iterator[Option]:
        """All yamls of a group and of its folders, private ones (`_name.yaml`) included."""
        top = self.folder / group
        for path in sorted([*top.glob("*.yaml"), *top.glob("*/*.yaml")]):
            name = path.relative_to(top).with_suffix("").as_posix()
            if OPTION_PATH.fullmatch(name) and path.is_file():
                yield Option(group, name, path, self.origin)


@dataclass(frozen=True)
class Sources:
    """Every place where options may come from. The first one holds `config.yaml`, the root."""

    places: tuple[Source, ...]
    classes: Classes

    def options(self, group: str) -> list[str]:
        """Names of the public options of a group, sorted; none if it is no group."""
        return [name for name in self._table.get(group, {}) if "/_" not in f"/{name}"]

    def option(self, group: str, name: str) -> Option:
        """Raises `KeyError` for an unknown one."""
        return self._table[group][name]

    @property
    def root(self) -> Path:
        """The folder of the root configuration."""
        return self.places[0].folder

    @property
    def search_path(self) -> str:
        """The override that lets Hydra find the options of all other places."""
        folders = (_quoted(f"file://{place.folder}") for place in self.places[1:])
        return f"hydra.searchpath=[{','.join(folders)}]"

    @cached_property
    def stamp(self) -> Stamp | None:
        """Name, size and time of the last change of this package's yamls: equal ones compose alike.
        None where other places add theirs.
        """
        own = self.places[: len(OWN)]
        if own != self.places:
            return None
        files = (file for place, of in zip(own, OWN, strict=True) for file in place.folder.glob(of))
        return tuple(
            (str(file), stat.st_size, stat.st_mtime_ns)
            for file in sorted(files)
            for stat in [file.stat()]
        )

    @cached_property
    def _table(self) -> Mapping[str, Mapping[str, Option]]:
        """Group -> name -> option. Raises `ConfigError` for a name that is taken twice: Hydra would
        use one of the two without a word.
        """
        table: dict[str, dict[str, Option]] = {}
        for group in GROUPS:
            found: dict[str, Option] = {}
            for option in (o for place in self.places for o in place.options(group)):
                first = found.setdefault(option.name, option)
                if first is not option:
                    raise ConfigError(
                        f"{option.path}: expected a name that is free; {group}={option.name} is an "
                        f"option of {first.origin} already; rename the file"
                    )
            table[group] = dict(sorted(found.items()))
        return table


def find_sources(config_dirs: Sequence[str] = ()) -> Sources:
    """The options of this package, of installed packages and of `config_dirs`. `ConfigError` for a
    folder that does not exist.
    """
    home = PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parent  # installed, or a checkout
    own = (Source(home / "conf", "ids"), Source(home, "ids"))  # experiments/ is beside conf/
    folders = tuple(dict.fromkeys(_folder(name) for name in config_dirs))
    passed = tuple(Source(folder, str(name)) for folder, name in _named(folders, config_dirs))
    return Sources((*own, *_installed(), *passed), Classes(folders))


def _named(folders: Sequence[Path], config_dirs: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Folders with the name they were first given by."""
    for folder in folders:
        yield folder, next(name for name in config_dirs if _folder(name) == folder)


def _folder(name: str) -> Path:
    try:
        folder = Path(name).expanduser().resolve()
        if name.strip() and folder.is_dir():
            return folder
    except (OSError, ValueError, RuntimeError):
        pass
    raise ConfigError(
        f"--config-dir: expected a folder of options, as method/NAME.yaml; got {name[:200]!r}, "
        "which is no folder; check the path"
    )


def _quoted(text: str) -> str:
    """As Hydra reads it: a backslash is one, except before a quote."""
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"


def _installed() -> Iterator[Source]:
    """Folders of options that installed packages ship, found without importing them."""
    for point in sorted(entry_points(group=ENTRY_POINT)):
        file = module_file(point.module)
        package = point.dist.name if point.dist else point.name
        if file is None:
            raise ConfigError(
                f"package {package}: expected a folder behind its entry point {ENTRY_POINT}; got "
                f"{point.value!r}, which is not installed; reinstall or remove the package"
            )
        yield Source(file.parent if file.name == "__init__.py" else file, f"package {package}")


def root_keys(sources: Sources) -> Iterator[tuple[str, str, str]]:
    """Key, default and comment of the values that belong to no group, read from `config.yaml`."""
    text = (sources.root / "config.yaml").read_text(encoding="utf-8")
    for match in re.finditer(r"^(\w+): (\S.*?)\s+# (.*)$", text, re.MULTILINE):
        yield match[1], match[2], match[3]
