"""The files of a CLIP: where they are, and a digest of all that decides its numbers."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ids.core.errors import ConfigError, WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.weight_files import digest_of, read_json

FOLDER, HUB = "local-dir:", "hf-hub:"  # open_clip's prefixes
OPENAI = "openai"  # the model of a file whose architecture is read from its shapes
LAYOUT = "open_clip_config.json"
WEIGHT_NAMES = (  # in open_clip's order
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
VOCABULARY = (
    "added_tokens.json",
    "config.json",  # may name the tokenizer's class
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
SHA256 = re.compile(r"/([0-9a-f]{64})/")
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class ClipWeights:
    """A file of weights, and the arguments with which open_clip builds its network."""

    model: str
    file: Path
    tag: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict)  # open_clip's settings of the tag
    layout: str = ""  # content of the folder's configuration
    vocabulary: tuple[Path, ...] = ()  # tokenizer files

    @property
    def quick_gelu(self) -> bool:
        """OpenAI's weights need it; with plain GELU they give other numbers."""
        named = self.model == OPENAI or self.model.endswith("-quickgelu")
        needed = bool(self.known.get("quick_gelu")) or named
        return needed and not self.layout

    def digest(self) -> str:
        """Eight digits over all that decides its numbers: weights, activation, preprocessing, and
        the tokenizer of a folder.
        """
        seen = {key: self.known.get(key) for key in PREPROCESSING}
        words = [(file.name, digest_of(file)) for file in self.vocabulary]
        content = json.dumps([digest_of(self.file), self.quick_gelu, seen, self.layout, words])
        return hashlib.sha256(content.encode()).hexdigest()[:8]


def find_weights(model: str, checkpoint: str | None, vocabulary: str | None) -> ClipWeights:
    """The files of a model. `WeightsError` where they are missing, `ConfigError` for an unknown
    model or a model without weights.
    """
    if model.startswith(FOLDER):
        folder = Path(model.removeprefix(FOLDER)).expanduser()
        return _in_folder(f"{FOLDER}{folder}", folder)
    if model.startswith(HUB):
        return _on_hub(model)
    if model == OPENAI:
        return _openai(checkpoint, vocabulary)
    _check_name(model)
    if checkpoint is None:
        raise ConfigError(
            f"clip.checkpoint: expected a file or a tag; got none, and {model} would be random; "
            "set clip.checkpoint=/path/to/weights"
        )
    file = Path(checkpoint).expanduser()
    return ClipWeights(model, file) if file.is_file() else _tagged(model, checkpoint)


def _openai(checkpoint: str | None, vocabulary: str | None) -> ClipWeights:
    given = {"checkpoint": checkpoint or "", "vocabulary": vocabulary}
    files = {option: Path(path).expanduser() for option, path in given.items() if path is not None}
    for option, path in files.items():
        if not path.is_file():
            raise WeightsError(
                f"clip.{option}: expected a file of a CLIP with OpenAI's names; got {str(path)!r}, "
                "no such file; check the path"
            )
    file, *words = files.values()
    return ClipWeights(OPENAI, file, vocabulary=tuple(words))


def _in_folder(model: str, folder: Path) -> ClipWeights:
    weights = next((name for name in WEIGHT_NAMES if (folder / name).is_file()), None)
    if weights is None or not (folder / LAYOUT).is_file():
        raise WeightsError(
            f"clip: expected {LAYOUT} and {WEIGHT_NAMES[0]} in {folder}; they are missing; "
            "check clip.model"
        )
    words = tuple(folder / name for name in VOCABULARY if (folder / name).is_file())
    for file in words:
        if file.suffix == ".json":
            read_json(file, f"clip: {file}")
    return ClipWeights(model, folder / weights, layout=_layout(folder / LAYOUT), vocabulary=words)


def _layout(file: Path) -> str:
    """Its text, checked: a configuration that asks for code is refused."""
    read_json(file, f"clip: {file}")
    return file.read_text(encoding="utf-8")


def _on_hub(model: str) -> ClipWeights:
    from open_clip import pretrained

    repository = model.removeprefix(HUB)
    try:
        file = Path(pretrained.download_pretrained_from_hf(repository))
        layout = Path(pretrained.download_pretrained_from_hf(repository, filename=LAYOUT))
    except Exception as error:  # the hub's client raises many types; each means unreachable
        raise _unreachable(f"weights of {repository}", repository, error) from error
    return ClipWeights(model, file, layout=_layout(layout))


def _tagged(model: str, tag: str) -> ClipWeights:
    import open_clip

    known = open_clip.get_pretrained_cfg(model, tag)
    if not known:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model))
        raise WeightsError(
            f"clip.checkpoint: expected a file or a tag of {model} ({tags}); got {tag!r}, "
            "neither of them; check the path"
        )
    try:
        file = Path(open_clip.download_pretrained(known))
    except Exception as error:  # as above
        place = known.get("hf_hub") or known.get("url")
        raise _unreachable(f"weights {tag!r} of {model}", str(place), error) from error
    return ClipWeights(model, file, tag, known)


def _check_name(model: str) -> None:
    import open_clip

    if model not in open_clip.list_models():
        raise ConfigError(
            f"clip.model: expected a model open_clip knows, {FOLDER}FOLDER, {HUB}REPOSITORY or "
            f'shapes; got {model}; python -c "import open_clip; print(open_clip.list_models())" '
            "lists them"
        )


def _unreachable(what: str, place: str, error: Exception) -> WeightsError:
    return WeightsError(
        f"clip: expected the {what} from the hub or its cache; they cannot be fetched "
        f"({type(error).__name__}); fetch the weights of {place.rstrip('/')} elsewhere and set "
        "clip.checkpoint=/path/to/file"
    )


def needed_files(model: str, checkpoint: str | None, vocabulary: str | None) -> list[NeededFile]:
    """The files that `find_weights` would read, without network access."""
    if model.startswith(FOLDER):
        folder = Path(model.removeprefix(FOLDER)).expanduser()
        found = [name for name in WEIGHT_NAMES if (folder / name).is_file()]
        names = (*(found or WEIGHT_NAMES)[:1], LAYOUT)
        return [needed_file("CLIP", folder / name, "check clip.model") for name in names]
    if model.startswith(HUB):
        return [_in_cache(f"CLIP {model}", model.removeprefix(HUB), WEIGHT_NAMES)]
    file = Path(checkpoint or "").expanduser()
    what = f"CLIP {model} {checkpoint}"
    if file.is_file() or model == OPENAI:
        words = [Path(vocabulary).expanduser()] if vocabulary else []
        return [needed_file(what, file), *(needed_file("CLIP vocabulary", w) for w in words)]
    return [_tagged_file(what, model, file)]


def _tagged_file(what: str, model: str, tag: Path) -> NeededFile:
    """The file of a tag in the hub's cache, or its address."""
    from open_clip import get_pretrained_cfg

    known = get_pretrained_cfg(model, str(tag))
    if known.get("hf_hub"):
        repository, _, name = known["hf_hub"].rpartition("/")
        return _in_cache(what, repository, (name,) if name else WEIGHT_NAMES)
    url = known.get("url") or ""
    place = url or f"{tag}: neither a file nor a tag of {model}"
    remedy = "fetch it and set clip.checkpoint=/path/to/file"
    return NeededFile(what, place, None, remedy, url, _hash_in(url))


def _hash_in(url: str) -> str:
    """OpenAI's addresses contain the file's SHA-256."""
    found = SHA256.search(url)
    return found[1] if found else ""


def _in_cache(what: str, repository: str, names: Sequence[str]) -> NeededFile:
    """A file of a hub repository, under the first of its names that the cache holds."""
    from huggingface_hub import constants, try_to_load_from_cache

    paths = [try_to_load_from_cache(repository, name) for name in names]
    found = next((Path(path) for path in paths if isinstance(path, str)), None)
    url = f"hf://{repository}/{found.name if found else names[0]}"
    if found is not None:
        return needed_file(what, found, url=url)
    place = f"{constants.HF_HUB_CACHE}: {repository}"
    remedy = f"fetch {repository} into the cache, or set clip.checkpoint"
    return NeededFile(what, place, None, remedy, url)
