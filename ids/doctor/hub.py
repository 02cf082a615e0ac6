"""Files of the Hugging Face hub, by its own client, into its cache. An address is
`hf://OWNER/NAME/FILE`, or `hf://OWNER/NAME` for all files of a model that are read here.
"""

from pathlib import Path

from ids.backbones.hub import ALLOWED, IGNORED, download
from ids.backbones.layouts import LAYOUTS
from ids.backbones.model_folder import INDEX
from ids.core.errors import WeightsError
from ids.core.needed import hub_digest
from ids.core.weight_files import digest_of, one_line

SCHEME = "hf://"
OTHERS = ["*.json", "*.txt", "*.safetensors"]  # of a repository that is no diffusers folder


def fetch_hub(url: str, sha256: str = "") -> None:
    """Fetch into the cache; files that it holds already are not fetched again. The digest of every
    large file is that by which the hub names it, and `sha256` where given; a file with another
    digest is removed. `WeightsError` where the hub does not answer, or refuses.
    """
    repository, name = split(url)
    try:
        for file in _fetched(repository, name):
            _check(file, sha256)
    except WeightsError:
        raise
    except Exception as error:  # the hub's client raises many types
        raise _unreachable(url, error) from error


def hub_size(url: str) -> int:
    """Bytes that would be fetched. `WeightsError` where the hub does not answer."""
    from huggingface_hub import hf_hub_download, snapshot_download

    repository, name = split(url)
    try:
        if name:
            files = [hf_hub_download(repository, name, dry_run=True)]
        else:
            files = snapshot_download(
                repository,
                allow_patterns=_patterns(repository),
                ignore_patterns=IGNORED,
                dry_run=True,
            )
        return sum(file.file_size or 0 for file in files if file.will_download)
    except Exception as error:  # as above
        raise _unreachable(url, error) from error


def split(url: str) -> tuple[str, str]:
    """Repository and file; no file for the whole repository."""
    owner, name, *rest = url.removeprefix(SCHEME).split("/", 2)
    return f"{owner}/{name}", rest[0] if rest else ""


def _fetched(repository: str, name: str) -> list[Path]:
    from huggingface_hub import hf_hub_download, snapshot_download

    if name:
        return [Path(hf_hub_download(repository, name))]
    patterns = _patterns(repository)
    if patterns is ALLOWED:
        folder = download(repository, *LAYOUTS)  # knows when half-precision files are needed
    else:
        folder = Path(snapshot_download(repository, allow_patterns=patterns))
    return [path for path in folder.rglob("*") if path.is_file()]


def _patterns(repository: str) -> list[str]:
    """What is read of a repository: safetensors and configurations, no pickles."""
    from huggingface_hub import snapshot_download

    index = snapshot_download(repository, allow_patterns=[INDEX], dry_run=True)
    return ALLOWED if index else OTHERS


def _check(file: Path, sha256: str) -> None:
    """Remove a file, and its content in the cache, whose digest is another one."""
    wanted = sha256 or hub_digest(file)
    if wanted and not digest_of(file).startswith(wanted):
        file.resolve().unlink()
        file.unlink(missing_ok=True)
        raise WeightsError(
            f"{file}: expected content of SHA-256 {wanted}; got another, which was removed; run "
            "the command again"
        )


def _unreachable(url: str, error: Exception) -> WeightsError:
    return WeightsError(
        f"{url}: expected the hub's files; got {type(error).__name__} ({one_line(error)}); check "
        "the connection, HF_HUB_OFFLINE, and for a gated model HF_TOKEN"
    )
