"""Model folders on the Hugging Face hub and in its local cache."""

from dataclasses import replace
from pathlib import Path

from ids.backbones.layouts import LAYOUTS, Layout
from ids.backbones.model_folder import INDEX, ModelFolder
from ids.backbones.part_weights import REMEDY
from ids.core.errors import WeightsError
from ids.core.hub import cached, fetch
from ids.core.needed import NeededFile, needed_file

PATTERNS = ("*.json", "*.txt", "*.safetensors")
IGNORED = ["*.fp16*", "*non_ema*"]  # the first are read where a part has no others


def allowed(*layouts: Layout) -> list[str]:
    """The files that are fetched, as patterns."""
    parts = dict.fromkeys(part for layout in layouts for part in layout.parts)
    return [INDEX, *(f"{part}/{pattern}" for part in parts for pattern in PATTERNS)]


ALLOWED = allowed(*LAYOUTS)  # of a repository of unknown layout


def download(hub_id: str, *layouts: Layout) -> Path:
    """The folder of a hub id, of one of these layouts, from the cache or the hub; half-precision
    files are fetched only if a part has no others. `WeightsError` if it is in neither.
    """
    patterns = allowed(*layouts)
    folder = fetch(hub_id, patterns, "backbone", REMEDY, IGNORED)
    parts = [folder / part for layout in layouts for part in layout.networks]
    if any(part.is_dir() and not any(part.glob("*.safetensors")) for part in parts):
        fetch(hub_id, patterns, "backbone", REMEDY, IGNORED[1:])
    return folder


def cached_files(hub_id: str, layout: Layout) -> list[NeededFile]:
    """The files of a hub id in the cache, without network access; the repository as one missing
    file if the cache does not hold it.
    """
    from huggingface_hub import constants

    if (folder := cached(hub_id)) is None:
        place = f"{constants.HF_HUB_CACHE}: {hub_id}"
        return [NeededFile("model repository", place, None, REMEDY, f"hf://{hub_id}")]
    return [_with_address(file, folder, hub_id) for file in folder_files(folder, layout)]


def _with_address(file: NeededFile, folder: Path, hub_id: str) -> NeededFile:
    name = Path(file.place).relative_to(folder).as_posix()
    return replace(file, url=f"hf://{hub_id}/{name}")


def folder_files(folder: Path, layout: Layout) -> list[NeededFile]:
    """The files that are read from a model folder, found or missing; none of them is opened but an
    index of shards. A missing folder counts as one file.
    """
    if not folder.is_dir():
        return [NeededFile("model folder", str(folder), None, REMEDY)]
    model, remedy = ModelFolder(folder, layout), "download the folder again"
    needed = []
    for part in model.networks:
        needed.append(needed_file(part, folder / part / "config.json", remedy))
        try:
            files = model.weights(part).files
        except WeightsError:  # its message is for the run; here the file is listed as missing
            files = (folder / part / f"{layout.stem(part)}.safetensors",)
        needed += [needed_file(part, file, remedy) for file in files]
    for part, encoder in layout.tokenizers.items():
        if encoder in model.networks:
            whole = (folder / part / "tokenizer.json").is_file()
            names = ("tokenizer.json",) if whole else ("vocab.json", "merges.txt")
            needed += [needed_file(part, folder / part / name, remedy) for name in names]
    scheduler = folder / "scheduler" / "scheduler_config.json"
    return [*needed, needed_file("scheduler", scheduler, remedy)]
