"""Hydra's side of `ids run`: one task per setting, launched by whatever launcher the user chose."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ids.config.check import check
from ids.config.compose import Composed, compose_all, plain, running_choices, search_path, sweeping
from ids.config.paths import config_home
from ids.core.errors import IdsError

if TYPE_CHECKING:
    from ids.core.records import EditCase


@dataclass(frozen=True)
class Launched:
    """A finished run: `folder` tells what became of each setting."""

    folder: Path
    output_dir: Path
    values: Mapping[str, Any]

    def cases(self) -> "list[EditCase]":
        """The cases of the (first) data set."""
        from ids.config.build import build
        from ids.run.job import first_cases

        return first_cases(build(self.values["dataset"], "dataset"), self.values["limit"])


def run(overrides: Sequence[str], multirun: bool) -> Launched:
    """Check every setting asked for, then launch them."""
    settings = compose_all(overrides)
    values = settings[0].values
    for told in _ignored(overrides, settings):
        print(f"ids: {told}", file=sys.stderr)
    folder = Path(values["output_dir"]) / "runs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    sweeping = multirun or settings[0].multirun or len(settings) > 1
    places = [
        f"hydra.run.dir={folder}",
        f"hydra.sweep.dir={folder}",
        "hydra.sweep.subdir=${hydra.job.num}",
    ]
    sys.argv = [
        "ids run",
        *overrides,
        search_path(),
        *places,
        *(["--multirun"] if sweeping else []),
    ]
    try:
        _task()
    except SystemExit as stop:
        if isinstance(stop.__cause__, IdsError):
            raise stop.__cause__ from None
        raise
    return Launched(folder, Path(values["output_dir"]), values)


def _ignored(overrides: Sequence[str], settings: Sequence[Composed]) -> Iterator[str]:
    """What was asked for and changes nothing."""
    for word in overrides:
        if word.startswith("fpr.") and all(s.choices["fpr"] == "none" for s in settings):
            why = "no method of this run refines its noise; add fpr=released"
        elif word.startswith(("inversion.", "inversion=")) and not any(
            "inversion" in s.values["method"] for s in settings
        ):
            why = "no method of this run inverts; take reconstruction, p2p or pnp"
        else:
            continue
        yield f"{word} changes nothing: {why}, or leave it out"


@hydra.main(config_path=str(config_home() / "conf"), config_name="config", version_base="1.3")
def _task(config: DictConfig) -> None:
    from ids.config.build import build_campaign

    logging.basicConfig(format="ids: %(message)s", level=logging.WARNING)
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        content = plain(config)
        check(content)
        build_campaign(running_choices(), content, sweeping()).run(folder)
    except IdsError as error:
        if "BasicLauncher" not in HydraConfig.get().launcher._target_:
            raise  # a launcher of several processes needs a plain exception
        raise SystemExit(error.exit_code) from error  # Hydra would print a line of its own


def show(overrides: Sequence[str]) -> str:
    """The whole configuration as YAML, as it would run."""
    return OmegaConf.to_yaml(OmegaConf.create(compose_all(overrides)[0].values))
