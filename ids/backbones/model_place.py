"""Where a model folder is: on this machine, or on the hub."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ids.backbones.hub import cached_files, download, folder_files
from ids.backbones.layouts import Layout
from ids.backbones.model_folder import ModelFolder
from ids.backbones.part_weights import REMEDY
from ids.core.errors import WeightsError
from ids.core.needed import NeededFile


@dataclass(frozen=True)
class ModelPlace:
    """A local folder, or a hub id that is downloaded when its folder is needed."""

    path: str
    layout: Layout

    def folder(self) -> ModelFolder:
        """The folder, not yet checked. `WeightsError` if it does not exist."""
        local = self._local
        if local is None:
            return ModelFolder(self._downloaded, self.layout)
        if not local.is_dir():
            raise WeightsError(
                f"backbone.path: expected a diffusers folder; {self.path!r} does not exist; "
                f"{REMEDY}"
            )
        return ModelFolder(local, self.layout)

    def files(self) -> list[NeededFile]:
        """The files of the folder or of the hub's cache, without network access."""
        local = self._local
        if local is None:
            return cached_files(self.path, self.layout)
        return folder_files(local, self.layout)

    @cached_property
    def _downloaded(self) -> Path:
        return download(self.path, self.layout)

    @property
    def _local(self) -> Path | None:
        """None for a hub id. The folder may not exist."""
        local = Path(self.path).expanduser()
        return local if local.is_dir() or self.path.startswith((".", "/", "~")) else None
