"""Weights & Biases: a mirror of the store, online with an account and offline without."""

import logging
import netrc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ids.core.errors import ConfigError
from ids.core.tensors import Image
from ids.images import to_array

log = logging.getLogger(__name__)
MODES = ("auto", "online", "offline", "disabled")


@dataclass(frozen=True)
class WeightsAndBiases:
    """One run per setting, in the group `group` (by default: data set and backbone).

    `mode` auto is online with an account, else offline. Where the service cannot be reached, auto
    logs offline from then on, and online is a `ConfigError`. Curves are plotted over `curve/step`,
    single edits over `edit/step`.
    """

    project: str
    folder: str
    mode: str = "auto"
    group: str | None = None
    entity: str | None = None
    # The reason once the service was not reached: later settings do not wait for it again.
    _unreached: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(
                f"logger.wandb.mode: expected one of {', '.join(MODES)}; got {self.mode!r}"
            )

    @contextmanager
    def run(
        self, name: str, group: str, config: Mapping[str, Any]
    ) -> Iterator["WeightsAndBiasesRun"]:
        """Open a run; `ConfigError` where `mode` is online and the service cannot be reached."""
        import wandb

        Path(self.folder).mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {
            "project": self.project,
            "entity": self.entity,
            "group": self.group or group,
            "name": name,
            "dir": self.folder,
            "config": dict(config),
            "settings": wandb.Settings(
                silent=True, console="off", x_disable_stats=True, disable_git=True
            ),
            "reinit": "finish_previous",
        }
        run = self._opened(options)
        run.define_metric("curve/*", step_metric="curve/step")
        run.define_metric("edit/*", step_metric="edit/step")
        try:
            yield WeightsAndBiasesRun(run)
        finally:
            run.finish()
        if run.settings.mode == "offline":
            log.info(
                "Weights & Biases run kept offline in %s; `wandb sync` uploads it", self.folder
            )

    def _opened(self, options: Mapping[str, Any]) -> Any:
        """An open run; offline where the service cannot be reached."""
        import wandb

        if not self._unreached:
            try:
                return wandb.init(**options, mode=self._mode())
            except wandb.errors.Error as error:
                self._unreached.append(_without_key(str(error)))
                if self.mode != "online":
                    log.warning(
                        "Weights & Biases cannot be reached (%s); logging offline; `wandb sync` "
                        "uploads it",
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
        return os.environ.get("WANDB_MODE") or ("online" if _has_account() else "offline")


@dataclass(frozen=True)
class WeightsAndBiasesRun:
    """An open run of Weights & Biases."""

    run: Any

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of a curve, or the metrics of an edit."""
        self.run.log(
            {f"{axis}/step": step} | {f"{axis}/{name}": value for name, value in values.items()}
        )

    def image(self, name: str, x: Image, caption: str) -> None:
        """An image as `images/<name>`."""
        import wandb

        pixels = to_array(x)
        self.run.log({f"images/{name}": wandb.Image(pixels, caption=caption)})

    def summary(self, values: Mapping[str, float]) -> None:
        """The means over all edits."""
        self.run.summary.update(dict(values))


def _without_key(message: str) -> str:
    """The first line of a message, without the account's key."""
    key = os.environ.get("WANDB_API_KEY")
    line = (message.strip().splitlines() or ["no answer"])[0]
    return line.replace(key, "...") if key else line


def _has_account() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
