"""Weights & Biases: online with an account and offline without."""

import logging
import math
import netrc
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.logs import Cell, Pace, RunInfo
from ids.images import to_array
from ids.log.axes import AXES, named_point

log = logging.getLogger(__name__)
MODES = ("auto", "online", "offline", "disabled")
NAME, TAG = 128, 64  # characters: limits of the service for names and groups, and for tags
PLACES = {"WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache"}  # by default below the home folder
HOSTED, FORMER_HOST = "forge.coreweave.com", "api.wandb.ai"  # a login for the latter is for both
HERE = Path("/proc/self/cwd")  # the current folder, by a path that names no folder (Linux)


@dataclass(frozen=True)
class WeightsAndBiases:
    """One run per setting, in the group `group` (by default: data set and backbone), of `job_type`
    (by default: method or control).

    `mode` auto is online with an account, else offline. Where the service cannot be reached, auto
    logs offline from then on, and online is a `ConfigError`. `system` records the load of this
    machine. Names are cut to the lengths that the service takes. `ValueError` for a wrong value.
    """

    project: str
    folder: str
    mode: str = "auto"
    group: str | None = None
    entity: str | None = None
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    job_type: str | None = None
    system: bool = True
    every: float = 1.0
    queue: int = 10_000
    wait: float = 30.0
    images: int = 16
    image_side: int = 256
    # The reason once the service was not reached: later settings do not wait for it again.
    _unreached: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(
                f"logger.wandb.mode: expected one of {', '.join(MODES)}; got {self.mode!r}"
            )
        if wrong := [tag for tag in self.tags if not 0 < len(tag) <= TAG]:
            raise ValueError(
                f"logger.wandb.tags: expected 1 to {TAG} characters each; got {wrong[0][:80]!r}"
            )
        _ = self.pace  # its numbers are checked

    @property
    def pace(self) -> Pace:
        """How it is fed."""
        return Pace(self.every, self.queue, self.wait, self.images, self.image_side)

    @property
    def destination(self) -> str:
        """Entity and project; empty where the mode is disabled."""
        mode = os.environ.get("WANDB_MODE") if self.mode == "auto" else self.mode
        return "" if mode == "disabled" else f"{self.entity or ''}/{self.project}"

    def open(self, info: RunInfo) -> "WeightsAndBiasesRun":
        """Begin a run, or continue it; `ConfigError` where `mode` is online and the service cannot
        be reached.
        """
        import wandb

        folder = os.path.relpath(self.folder)  # what it writes names no folder above this one
        Path(folder, "wandb").mkdir(parents=True, exist_ok=True)
        for variable, name in PLACES.items():
            os.environ.setdefault(variable, str(_unnamed(Path(folder, "wandb", name))))
        wandb.setup(wandb.Settings(silent=True))  # else it prints where it found a key
        run = self._opened(
            {
                "project": self.project,
                "entity": self.entity,
                "id": info.id,
                "resume": "allow",
                "name": cut(info.label, NAME),
                "group": cut(self.group or info.group, NAME),
                "job_type": cut(self.job_type or info.kind, TAG),
                "tags": list(self.tags),
                "notes": self.notes,
                "dir": folder,
                "config": dict(info.config),
                "settings": wandb.Settings(**self._settings()),
                "reinit": "create_new",  # several settings are open at once
            }
        )
        for axis in AXES:
            run.define_metric(f"{axis}/*", step_metric=f"{axis}/step")
        return WeightsAndBiasesRun(run, max(info.points, run.step))

    def uploads(self) -> list[str]:
        """A `wandb sync` for each offline run that was not uploaded yet, the oldest first."""
        found = sorted(Path(self.folder, "wandb").glob("offline-run-*/run-*.wandb"))
        left = [file for file in found if not file.with_name(f"{file.name}.synced").exists()]
        return [f"wandb sync {shlex.quote(str(file.parent))}" for file in left]

    def _settings(self) -> dict[str, Any]:
        """Nothing about the machine but its load: no host, user, path, code or repository."""
        return {
            "silent": True,
            "console": "off",
            "init_timeout": max(self.wait, 1.0),
            "finish_timeout": max(self.wait, 1.0),
            "disable_git": True,
            "disable_code": True,
            "disable_job_creation": True,
            "save_code": False,
            "host": "",
            "program": "",
            "x_disable_meta": True,
            "x_save_requirements": False,
            "x_disable_stats": not self.system,
            "x_disable_machine_info": True,
            "x_log_level": logging.CRITICAL,
        }

    def _opened(self, options: Mapping[str, Any]) -> Any:
        """An open run; offline where the service cannot be reached."""
        import wandb

        if not self._unreached:
            others = wandb.setup().most_recent_active_run is not None  # of the caller, or of ours
            try:
                return wandb.init(**options, mode=self._mode())
            except (wandb.errors.Error, TimeoutError) as error:
                self._unreached.append(_without_key(str(error)))
                # The process of wandb keeps the id of the refused run, and other runs need it.
                if others:
                    raise ConfigError(
                        "logger.wandb.mode: expected a reachable Weights & Biases server; got "
                        f"{self._unreached[0]}, and other open runs of wandb in this process; "
                        "set logger.wandb.mode=offline, or finish them"
                    ) from error
                wandb.teardown()
                if self.mode != "online":
                    log.warning(
                        "Weights & Biases cannot be reached (%s); logging offline; `ids log` "
                        "prints the commands that upload it",
                        self._unreached[0],
                    )
        if self.mode == "online":
            raise ConfigError(
                "logger.wandb.mode: expected a reachable Weights & Biases server; "
                f"got {self._unreached[0]}; set logger.wandb.mode=offline, then `wandb sync`"
            )
        return wandb.init(**options, mode="offline")

    def _mode(self) -> Any:
        if self.mode != "auto":
            return self.mode
        import wandb

        account = has_account(wandb.setup().settings)
        return os.environ.get("WANDB_MODE") or ("online" if account else "offline")


@dataclass
class WeightsAndBiasesRun:
    """An open run of Weights & Biases. Every point has a step of its own, counted over all
    commands: the service drops a step that it has, so a point that is sent again is no duplicate.
    """

    numbered: ClassVar[bool] = True
    run: Any
    points: int

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        self._log(named_point(axis, step, values))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A `wandb.Table`."""
        import wandb

        data = [[_cell(cell) for cell in row] for row in rows]
        self._log({name: wandb.Table(list(columns), data)})

    def summary(self, values: Mapping[str, float]) -> None:
        """The means over all edits, their intervals and counts."""
        self.run.summary.update(dict(values))

    def finish(self) -> None:
        """Close the run, and wait for its last points."""
        self.run.finish()

    def _log(self, values: Mapping[str, Any]) -> None:
        self.run.log(dict(values), step=self.points)
        self.points += 1


def _unnamed(folder: Path) -> Path:
    """A relative path as wandb may keep it: it makes paths of staged files absolute, and an
    absolute one would name the home folder, and be wrong once the store is moved.
    """
    return HERE / folder if HERE.exists() and ".." not in folder.parts else folder


def cut(text: str, length: int) -> str:
    """The text, its end cut to so many characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _cell(cell: Cell) -> Any:
    import wandb

    if isinstance(cell, Tensor):
        return wandb.Image(to_array(cell))
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _without_key(message: str) -> str:
    """The first line of a message, without the account's key."""
    key = os.environ.get("WANDB_API_KEY")
    line = (message.strip().splitlines() or ["no answer"])[0]
    return line.replace(key, "...") if key else line


def has_account(settings: Any) -> bool:
    """Have these settings of wandb a key, or netrc a login for their server?"""
    if settings.api_key or settings.identity_token_file:
        return True
    server = urlsplit(settings.base_url).netloc
    hosts = [server, FORMER_HOST] if server.endswith(HOSTED) else [server]
    try:
        logins = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return any(logins.authenticators(host) for host in hosts)
