"""Data sets on the Hugging Face hub and in its local cache: folders of parquet files."""

import logging
import re
from pathlib import Path

from ids.core.errors import DataError
from ids.core.needed import NeededFile
from ids.data.messages import quote, shorten

log = logging.getLogger(__name__)
HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
PATTERNS = ["*.parquet"]


def is_hub_id(text: str) -> bool:
    """Whether the text is of the form owner/name."""
    return HUB_ID.fullmatch(text) is not None and ".." not in text


def cached(hub_id: str, revision: str) -> Path | None:
    """The folder of a data set in the cache, with all of its files or some; None without one. No
    network access.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    place = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=hub_id, repo_type="dataset")
    reference = place / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    folder = place / "snapshots" / commit
    return folder if any(folder.rglob(PATTERNS[0])) else None


def fetched(hub_id: str, revision: str) -> Path:
    """The folder of a data set from the cache, which may hold some of its files only; from the hub
    if the cache holds none. `DataError` if it is in neither.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if folder := cached(hub_id, revision):
        return folder
    log.warning("%s: not in the cache; its parquet files are downloaded from the hub", hub_id)
    try:
        return Path(
            snapshot_download(
                hub_id, repo_type="dataset", revision=revision, allow_patterns=PATTERNS
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(
            f"dataset.path {quote(hub_id)}: expected a folder, or a data set of the hub in the "
            f"cache or within reach; found neither; {fetch(hub_id)}"
        ) from error


def needed(hub_id: str, revision: str) -> list[NeededFile]:
    """The parquet files in the cache; without any, the data set as one missing file."""
    from huggingface_hub import constants

    if (folder := cached(hub_id, revision)) is None:
        place = f"{constants.HF_HUB_CACHE}: {hub_id}"
        return [NeededFile("data set", place, None, fetch(hub_id))]
    files = sorted(folder.rglob(PATTERNS[0]))
    return [NeededFile("data set", str(file), file.stat().st_size) for file in files]


def fetch(hub_id: str) -> str:
    """What to do for a data set that the cache lacks, or holds in part."""
    return f"fetch it with: hf download --repo-type dataset {shorten(hub_id)}"
