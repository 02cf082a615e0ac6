"""Where the configuration lives, in a checkout and in an installed package alike."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def config_home() -> Path:
    """The folder that holds `conf/` and `experiments/`: the package itself when installed, else the
    checkout.
    """
    return PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parent


def options(group: str) -> list[str]:
    """What a group offers, its private parts aside."""
    if not group.isidentifier() or len(group) > 60:
        return []
    folder = config_home() / ("" if group == "experiments" else "conf") / group
    return sorted(path.stem for path in folder.glob("*.yaml") if not path.stem.startswith("_"))


def search_path() -> str:
    """The override that lets Hydra find `experiments/` beside `conf/`."""
    home = str(config_home()).replace("\\", "\\\\").replace("'", "\\'")
    return f"hydra.searchpath=['file://{home}']"
