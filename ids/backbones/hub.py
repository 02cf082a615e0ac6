"""Model folders on the Hugging Face hub and in its local cache."""

from dataclasses import replace
from pathlib import Path

from ids.backbones.model_folder import INDEX, NETWORKS, PARTS, REMEDY, ModelFolder
from ids.core.errors import WeightsError
from ids.core.hub import cached, fetch
from ids.core.needed import NeededFile, needed_file

PATTERNS = ("*.json", "*.txt", "*.safetensors")
ALLOWED = [INDEX, *(f"{part}/{pattern}" for part in PARTS for pattern in PATTERNS)]
IGNORED = ["*.fp16*", "*non_ema*"]  # the first are read where a part has no others


def download(hub_id: str) -> Path:
    """The folder of a hub id, from the cache or the hub; half-precision files are fetched only if
    a part has no others. `WeightsError` if it is in neither.
    """
    folder = fetch(hub_id, ALLOWED, "backbone", REMEDY, IGNORED)
    if not all(any((folder / part).glob("*.safetensors")) for part in NETWORKS):
        fetch(hub_id, ALLOWED, "backbone", REMEDY, IGNORED[1:])
    return folder


def cached_files(hub_id: str) -> list[NeededFile]:
    """The files of a hub id in the cache, without network access; the repository as one missing
    file if the cache does not hold it.
    """
    from huggingface_hub import constants

    if (folder := cached(hub_id)) is None:
        place = f"{constants.HF_HUB_CACHE}: {hub_id}"
        return [NeededFile("model repository", place, None, REMEDY, f"hf://{hub_id}")]
    return [_with_address(file, folder, hub_id) for file in folder_files(folder)]


def _with_address(file: NeededFile, folder: Path, hub_id: str) -> NeededFile:
    name = Path(file.place).relative_to(folder).as_posix()
    return replace(file, url=f"hf://{hub_id}/{name}")


def folder_files(folder: Path) -> list[NeededFile]:
    """The files that are read from a model folder, found or missing; none of them is opened but an
    index of shards. A missing folder counts as one file.
    """
    if not folder.is_dir():
        return [NeededFile("model folder", str(folder), None, REMEDY)]
    model, remedy = ModelFolder(folder), "download the folder again"
    needed = []
    for part, stem in NETWORKS.items():
        needed.append(needed_file(part, folder / part / "config.json", remedy))
        try:
            files = model.weights(part).files
        except WeightsError:  # its message is for the run; here the file is listed as missing
            files = (folder / part / f"{stem}.safetensors",)
        needed += [needed_file(part, file, remedy) for file in files]
    whole, vocabulary = (folder / "tokenizer" / name for name in ("tokenizer.json", "vocab.json"))
    tokenizer = whole if whole.is_file() else vocabulary
    scheduler = folder / "scheduler" / "scheduler_config.json"
    return [
        *needed,
        needed_file("tokenizer", tokenizer, remedy),
        needed_file("scheduler", scheduler, remedy),
    ]
