"""CLIP networks in OpenAI's files: TorchScript archives, and state dicts with their names."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from ids.core.errors import WeightsError
from ids.core.weight_files import one_line, tensors_in
from ids.metrics.clip_weights import ClipWeights
from ids.metrics.weights import check_vocabulary, check_weights

CONSTANTS = ("input_resolution", "context_length", "vocab_size", "attn_mask")  # no weights


def open_openai(weights: ClipWeights) -> tuple[Any, Any, Any]:
    """Network (float32, frozen, on the CPU), preprocessing, tokenizer. The architecture is read
    from the shapes; heads are 64 wide and the activation is QuickGELU, as in all of OpenAI's.
    """
    from open_clip import SimpleTokenizer, image_transform
    from open_clip.model import build_model_from_openai_state_dict

    try:
        state = _state(weights.file)
        network = build_model_from_openai_state_dict(dict(state), cast_dtype=torch.float32).float()
        network.load_state_dict(state)  # again: the builder rounds to half precision
    except Exception as error:  # open_clip, torch and safetensors raise many types
        raise WeightsError(
            f"clip.checkpoint: expected the weights of a CLIP with OpenAI's names in "
            f"{weights.file}; they cannot be loaded ({one_line(error)}); set clip.model to the "
            "model they belong to"
        ) from error
    check_weights(network, "clip", weights.file)
    preprocess = image_transform(network.visual.image_size, is_train=False)
    words = {"bpe_path": str(weights.vocabulary[0])} if weights.vocabulary else {}
    tokenize = _tokenizer(SimpleTokenizer, network.context_length, words)
    place = f"in {words['bpe_path']}" if words else "inside open_clip; set clip.vocabulary"
    check_vocabulary(tokenize.encoder.values(), network.vocab_size, "clip", place)
    return network.eval().requires_grad_(False), preprocess, tokenize


def is_torchscript(file: Path) -> bool:
    """A TorchScript archive, the format of OpenAI's files."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def state_of_torchscript(file: Path) -> dict[str, torch.Tensor]:
    """Its weights. torch.jit.load unpickles no foreign objects."""
    state = torch.jit.load(str(file), map_location="cpu").state_dict()
    return {name: value for name, value in state.items() if name not in CONSTANTS}


def _state(file: Path) -> dict[str, torch.Tensor]:
    if file.suffix == ".safetensors":
        return dict(tensors_in(file, f"clip: {file}"))
    if is_torchscript(file):
        return state_of_torchscript(file)
    state = torch.load(file, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return {name: value for name, value in state.items() if name not in CONSTANTS}


def _tokenizer(kind: Any, context: int, words: dict[str, str]) -> Any:
    try:
        return kind(context_length=context, **words)
    except Exception as error:  # gzip, UTF-8, and what a line of another file becomes
        raise WeightsError(
            f"clip.vocabulary: expected OpenAI's gzip file of byte-pair merges in "
            f"{words.get('bpe_path')}; it cannot be read ({one_line(error)}); fetch it again"
        ) from error
