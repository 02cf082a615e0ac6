"""Where the weights of a CLIP are, and open_clip's network with them in it: never without."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ids.core.errors import ConfigError, WeightsError
from ids.metrics.weights import digest_of

FOLDER, HUB = "local-dir:", "hf-hub:"  # open_clip's words
LAYOUT = "open_clip_config.json"
WEIGHT_NAMES = (  # in open_clip's own order
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class ClipWeights:
    """A file of weights, and how open_clip is to be asked for the network around it."""

    model: str
    file: Path
    tag: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict)  # what open_clip knows of the tag
    layout: str = ""  # the configuration beside the file, of a folder

    @property
    def quick_gelu(self) -> bool:
        """OpenAI's weights need it; with plain GELU they answer other numbers."""
        told = bool(self.known.get("quick_gelu")) or self.model.endswith("-quickgelu")
        return told and not self.layout

    def digest(self) -> str:
        """Of all that decides its answers: weights, activation, preprocessing."""
        seen = {key: self.known.get(key) for key in PREPROCESSING}
        told = json.dumps([digest_of(self.file), self.quick_gelu, seen, self.layout])
        return hashlib.sha256(told.encode()).hexdigest()[:8]


@cache
def find_weights(model: str, checkpoint: str | None) -> ClipWeights:
    """`WeightsError` or `ConfigError` where there are none."""
    if model.startswith(FOLDER):
        folder = Path(model.removeprefix(FOLDER)).expanduser()
        return _in_folder(f"{FOLDER}{folder}", folder)
    if model.startswith(HUB):
        return _on_hub(model)
    _check_name(model)
    if checkpoint is None:
        raise ConfigError(
            f"clip.checkpoint: expected a file or a tag; got none; {model} without weights would "
            "be random; clip.checkpoint=/path/to/weights"
        )
    file = Path(checkpoint).expanduser()
    return ClipWeights(model, file) if file.is_file() else _tagged(model, checkpoint)


def open_network(weights: ClipWeights) -> tuple[Any, Any, Any]:
    """Network (float32, frozen, on the CPU), preprocessing, tokenizer; `WeightsError` where the
    file is not this network's.
    """
    import open_clip

    scripted = _is_torchscript(weights.file)
    given = None if weights.layout or scripted else (weights.tag or str(weights.file))
    try:
        network, _, preprocess = open_clip.create_model_and_transforms(
            weights.model, given, force_quick_gelu=weights.quick_gelu, weights_only=True
        )
        if scripted:
            network.load_state_dict(_of_torchscript(weights.file))
        tokenize = open_clip.get_tokenizer(weights.model)
    except Exception as error:  # open_clip, torch and safetensors each have their own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"clip: expected weights of {weights.model} in {weights.file}; they cannot be loaded "
            f"({reason}); name the model they belong to (clip.model=...), or fetch them again"
        ) from error
    return network.float().eval().requires_grad_(False), preprocess, tokenize


def _in_folder(model: str, folder: Path) -> ClipWeights:
    for name in WEIGHT_NAMES:
        if (folder / name).is_file() and (folder / LAYOUT).is_file():
            return ClipWeights(model, folder / name, layout=(folder / LAYOUT).read_text())
    raise WeightsError(
        f"clip: expected {LAYOUT} and {WEIGHT_NAMES[0]} in {folder}; they are not there; "
        "check clip.model"
    )


def _on_hub(model: str) -> ClipWeights:
    from open_clip import pretrained

    repository = model.removeprefix(HUB)
    try:
        file = Path(pretrained.download_pretrained_from_hf(repository))
        layout = Path(pretrained.download_pretrained_from_hf(repository, filename=LAYOUT))
    except Exception as error:  # the hub's client fails in many ways, all meaning: not to be had
        raise _unreachable(f"weights of {repository}", repository, error) from error
    return ClipWeights(model, file, layout=layout.read_text())


def _tagged(model: str, tag: str) -> ClipWeights:
    import open_clip

    known = open_clip.get_pretrained_cfg(model, tag)
    if not known:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model))
        raise WeightsError(
            f"clip.checkpoint: expected a file or a tag of {model} ({tags}); got {tag!r}, "
            "which is neither; check the path"
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
        f"clip: expected the {what} from the hub or its cache; they cannot be had "
        f"({type(error).__name__}); fetch the weights of {place.rstrip('/')} elsewhere and set "
        "clip.checkpoint=/path/to/file"
    )


def _is_torchscript(file: Path) -> bool:
    """As OpenAI published theirs."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _of_torchscript(file: Path) -> dict[str, torch.Tensor]:
    """Its weights; torch's reader of such archives unpickles no foreign objects."""
    state = torch.jit.load(str(file), map_location="cpu").state_dict()
    constants = ("input_resolution", "context_length", "vocab_size", "attn_mask")
    return {name: value for name, value in state.items() if name not in constants}
