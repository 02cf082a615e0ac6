"""A CLIP network as open_clip builds it, with every weight of its file loaded and checked."""

import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ids.core.errors import WeightsError
from ids.core.weight_files import check_content, differences, headers_in, one_line
from ids.metrics.clip_weights import ClipWeights
from ids.metrics.weights import check_weights


def open_network(weights: ClipWeights) -> tuple[Any, Any, Any]:
    """Network (float32, frozen, on the CPU), preprocessing, tokenizer. `WeightsError` where the
    file belongs to another network, or holds NaN.
    """
    import open_clip

    _check_file(weights.file)
    scripted = _is_torchscript(weights.file)
    given = None if weights.layout or scripted else (weights.tag or str(weights.file))
    try:
        with _unwarned():
            network, _, preprocess = open_clip.create_model_and_transforms(
                weights.model, given, force_quick_gelu=weights.quick_gelu, weights_only=True
            )
        if scripted:
            network.load_state_dict(_of_torchscript(weights.file))
        tokenize = open_clip.get_tokenizer(weights.model)
    except Exception as error:  # open_clip, torch and safetensors raise many types
        raise WeightsError(
            f"clip: expected weights of {weights.model} in {weights.file}; they cannot be loaded "
            f"({_difference(weights) or one_line(error)}); set clip.model to the model they belong "
            "to, or fetch them again"
        ) from error
    if resized := _resized(weights, network):
        raise WeightsError(
            f"clip: expected weights of {weights.model} in {weights.file}; they would have to be "
            f"resized ({resized}); set clip.model to the model they belong to"
        )
    check_weights(network, "clip", weights.file)
    _check_vocabulary(weights, network, tokenize)
    return network.float().eval().requires_grad_(False), preprocess, tokenize


@contextmanager
def _unwarned() -> Iterator[None]:
    """open_clip warns of a network without weights, also where they are loaded afterwards."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _check_file(file: Path) -> None:
    """Before open_clip reads it: no empty file, git-lfs pointer or damaged header."""
    check_content(file, f"clip: {file}")
    if file.suffix == ".safetensors":
        headers_in(file, f"clip: {file}")


def _shapes(weights: ClipWeights) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in the file; empty where only reading them would tell."""
    if weights.file.suffix == ".safetensors":
        headers = headers_in(weights.file, f"clip: {weights.file}")
        return {name: header.shape for name, header in headers.items()}
    try:
        found = torch.load(weights.file, map_location="meta", weights_only=True)
        state = found.get("state_dict", found)
        return {name.removeprefix("module."): tuple(x.shape) for name, x in state.items()}
    except Exception:  # TorchScript, or a file that open_clip describes better
        return {}


def _difference(weights: ClipWeights) -> str:
    """Which tensors of a file are missing, extra and wrong-shaped."""
    import open_clip

    try:
        with _unwarned():
            network = open_clip.create_model(
                weights.model, load_weights=False, pretrained_text=False
            )
    except Exception:  # an architecture that cannot be built: open_clip describes it better
        return ""
    found = _shapes(weights)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    return differences(wanted, found) if found else ""


def _resized(weights: ClipWeights, network: Any) -> str:
    """Positional embeddings that open_clip has interpolated to the network's size: its numbers
    would not be those of the trained weights.
    """
    found = {name: shape for name, shape in _shapes(weights).items() if "pos" in name}
    wanted = {n: tuple(v.shape) for n, v in network.state_dict().items() if n in found}
    return differences(wanted, {name: found[name] for name in wanted})


def _check_vocabulary(weights: ClipWeights, network: Any, tokenize: Any) -> None:
    """A tokenizer without its vocabulary maps every word to one token, without an error. The
    tokenizer that open_clip contains needs no check.
    """
    size = getattr(network, "vocab_size", None)
    if size is None or not hasattr(tokenize, "tokenizer"):
        return
    ids = tokenize.tokenizer.get_vocab().values()
    if len(ids) < size / 2 or max(ids) >= size:
        raise WeightsError(
            f"clip: expected a tokenizer of the network's {size} tokens beside {weights.file}; got "
            f"{len(ids)} tokens; fetch tokenizer.json of that model again"
        )


def _is_torchscript(file: Path) -> bool:
    """A TorchScript archive, the format of OpenAI's files."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _of_torchscript(file: Path) -> dict[str, torch.Tensor]:
    """Its weights. torch.jit.load unpickles no foreign objects."""
    state = torch.jit.load(str(file), map_location="cpu").state_dict()
    constants = ("input_resolution", "context_length", "vocab_size", "attn_mask")
    return {name: value for name, value in state.items() if name not in constants}
