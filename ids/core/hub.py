"""Repositories of models on the Hugging Face hub, and its local cache."""

from collections.abc import Sequence
from pathlib import Path

from ids.core.errors import WeightsError


def fetch(
    repository: str,
    patterns: Sequence[str],
    where: str,
    remedy: str,
    ignored: Sequence[str] = (),
) -> Path:
    """The folder of a repository with the files of these patterns and of none of the `ignored`
    ones, from the cache or the hub. `WeightsError` if it is in neither.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                repository, allow_patterns=list(patterns), ignore_patterns=list(ignored)
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"{where}: expected a local folder, or a hub id in the cache or within reach; "
            f"got {repository!r}, found in neither; {remedy}"
        ) from error


def cached(repository: str) -> Path | None:
    """Its folder in the cache, without network access; None if the cache does not hold it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError):
        return None
