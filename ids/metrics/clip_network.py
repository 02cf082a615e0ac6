"""A CLIP network as open_clip builds it, with every weight of its file loaded and checked."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ids.core.errors import WeightsError
from ids.core.weight_files import check_content, differences, headers_in, one_line
from ids.metrics.clip_openai import is_torchscript, open_openai, state_of_torchscript
from ids.metrics.clip_weights import OPENAI, ClipWeights
from ids.metrics.weights import check_vocabulary, check_weights


def open_network(weights: ClipWeights) -> tuple[Any, Any, Any]:
    """Network (float32, frozen, on the CPU), preprocessing, tokenizer. `WeightsError` where the
    file belongs to another network, or holds NaN.
    """
    import open_clip

    _check_file(weights.file)
    if weights.model == OPENAI:
        return open_openai(weights)
    scripted = is_torchscript(weights.file)
    given = None if weights.layout or scripted else (weights.tag or str(weights.file))
    try:
        with _unwarned():
            network, _, preprocess = open_clip.create_model_and_transforms(
                weights.model, given, force_quick_gelu=weights.quick_gelu, weights_only=True
            )
        if scripted:
            network.load_state_dict(state_of_torchscript(weights.file))
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
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


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
    """The tokenizer that open_clip contains needs no check."""
    size = getattr(network, "vocab_size", None)
    if size is not None and hasattr(tokenize, "tokenizer"):
        ids = tokenize.tokenizer.get_vocab().values()
        check_vocabulary(ids, size, "clip", f"beside {weights.file}")


def uncut_ids(tokenize: Any, prompt: str) -> list[int]:
    """From start to end token, however long."""
    if hasattr(tokenize, "tokenizer"):  # one of transformers, inside open_clip's
        clean = tokenize.clean_fn(prompt)
        return list(tokenize.tokenizer(clean, truncation=False, verbose=False)["input_ids"])
    return [tokenize.sot_token_id, *tokenize.encode(prompt), tokenize.eot_token_id]
