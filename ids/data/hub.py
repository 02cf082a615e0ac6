"""Data sets on the Hugging Face hub and in its local cache: folders of parquet files. Models are
`ids.core.hub`'s.
"""

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import DataError
from ids.core.needed import NeededFile, needed_file
from ids.data.cases import checked_path
from ids.data.messages import quote, shorten
from ids.data.shard_files import table_files

log = logging.getLogger(__name__)
HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
PATTERNS = ["*.parquet"]


def is_hub_id(text: str) -> bool:
    """Whether the text is of the form owner/name."""
    return HUB_ID.fullmatch(text) is not None and ".." not in text


def remedy(hub_id: str) -> str:
    """What to do for a data set that the cache lacks, or holds in part."""
    return f"fetch it with: hf download --repo-type dataset {shorten(hub_id)}"


@dataclass(frozen=True)
class FolderOrHub:
    """A path that a user gives: a local folder or file, or a data set of the hub at a revision. A
    local folder of the name of a hub id is preferred.
    """

    path: str
    revision: str = "main"

    @property
    def local(self) -> Path:
        """The path as that of a folder, which may not exist. `DataError` for no path."""
        return checked_path(self.path, "folder or hub id")

    @property
    def on_hub(self) -> bool:
        """Whether it is a data set of the hub."""
        return is_hub_id(self.path) and not self.local.exists()

    @property
    def place(self) -> str:
        """The full path of the folder; of a data set of the hub, with the commit in the cache."""
        folder = self._cached() if self.on_hub else self.local
        return os.path.realpath(folder) if folder else f"hub:{self.path}"

    def open(self) -> Path:
        """The folder: a local one, which may not exist, or one in the cache, which may hold some of
        the files only; from the hub if the cache holds none. `DataError` if it is in neither.
        """
        if not self.on_hub:
            return self.local
        if folder := self._cached():
            return folder
        return self._fetched()

    def needed(self) -> list[NeededFile]:
        """The tables in the folder or in the cache; a data set of the hub without any is one
        missing file. `DataError` for a local folder without any.
        """
        from huggingface_hub import constants

        folder = self._cached() if self.on_hub else self.local
        if folder is None:
            place = f"{constants.HF_HUB_CACHE}: {self.path}"
            return [NeededFile("data set", place, None, remedy(self.path))]
        return [needed_file("data set", file) for file in table_files(folder)]

    def _cached(self) -> Path | None:
        """The folder in the cache, with all of its files or some; None without one. No network
        access.
        """
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        name = repo_folder_name(repo_id=self.path, repo_type="dataset")
        place = Path(constants.HF_HUB_CACHE) / name
        reference = place / "refs" / self.revision
        commit = reference.read_text().strip() if reference.is_file() else self.revision
        folder = place / "snapshots" / commit
        return folder if any(folder.rglob(PATTERNS[0])) else None

    def _fetched(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        log.warning("%s: not in the cache; its parquet files are downloaded", self.path)
        try:
            return Path(
                snapshot_download(
                    self.path,
                    repo_type="dataset",
                    revision=self.revision,
                    allow_patterns=PATTERNS,
                )
            )
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            raise DataError(
                f"dataset.path {quote(self.path)}: expected a folder, or a data set of the hub in "
                f"the cache or within reach; found neither; {remedy(self.path)}"
            ) from error
