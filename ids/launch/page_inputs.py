"""What the runs of a store know that `ids report` shows: cases, commands, and backbones."""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ids.config.build import build
from ids.core.errors import ConfigError, DataError
from ids.core.protocols import Backbone, BackboneSource
from ids.core.tensors import Images, Latent
from ids.launch.statement import FILE, Statement
from ids.launch.stored import origins, stored_setting
from ids.report.pages.inputs import PageInputs
from ids.results.verdict import Verdict
from ids.run import Session
from ids.run.planned import read_planned
from ids.run.records import EditRecord

AT_ONCE = 2 * 4 * 64 * 64  # numbers of latents: two of Stable Diffusion at 512 pixels


@dataclass(frozen=True)
class Decoder:
    """Decodes states with the backbone of their run, which is loaded when it is first needed.
    `folders` are of settings in runs, by the setting's key.
    """

    folders: Mapping[str, Path]
    session: Session = field(default_factory=Session)
    _sources: dict[Path, BackboneSource] = field(default_factory=dict)

    def __call__(self, record: EditRecord, z: Latent) -> Images:
        """Latents [n, C, H, W] of a result as images. `DataError` where its backbone is not known,
        or another one by now; what loading a backbone raises.
        """
        folder = self.folders.get(record.setting)
        if folder is None:
            raise DataError("no run of the store has their setting")
        if folder not in self._sources:
            self._sources[folder] = _source(folder)
        source = self._sources[folder]
        if dict(source.identity()) != record.backbone:
            raise DataError("the weights of their backbone have changed")
        return decode(self.session.backbone(source), z, self.session)


def decode(backbone: Backbone, z: Latent, session: Session) -> Images:
    """On the session's device, a few latents at a time, so that memory does not grow."""
    import torch

    with torch.no_grad():
        few = z.split(max(1, AT_ONCE // z[0].numel()))
        parts = [backbone.decode(part.to(session.device)).cpu() for part in few]
    return torch.cat(parts)


def page_inputs(
    output_dir: Path, decoded: int | None, verdicts: Sequence[Verdict] = ()
) -> PageInputs:
    """Of all runs of a store; the newest one of a setting counts."""
    folders: dict[str, Path] = {}
    commands: dict[str, str] = {}
    for folder, planned in read_planned(output_dir):
        command = _command(folder)
        for part in planned.parts:
            folders[part.setting] = folder
            commands[part.setting] = command or commands.get(part.setting, "")
    known = origins(output_dir)
    return PageInputs(known.cases, commands, verdicts, Decoder(folders), decoded)


def _source(folder: Path) -> BackboneSource:
    setting = stored_setting(folder)
    if setting is None:
        raise DataError(
            f"the setting of {folder} cannot be read here; give the command where it ran"
        )
    source = build(setting.values["backbone"], "backbone", setting.sources.classes)
    if not isinstance(source, BackboneSource):
        raise ConfigError(f"{folder}: expected a backbone; got {type(source).__name__}; run again")
    return source


def _command(folder: Path) -> str:
    """`ids run` with the words of a setting; empty where they cannot be read."""
    run, number = (folder.parent, int(folder.name)) if folder.name.isdigit() else (folder, 0)
    with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, IndexError):
        statement = msgspec.json.decode((run / FILE).read_bytes(), type=Statement)
        return shlex.join(["ids", "run", *statement.settings[number].words])
    return ""
