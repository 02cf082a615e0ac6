"""Checks of the weights of judging networks."""

from collections.abc import Collection
from pathlib import Path

from torch import nn

from ids.core.errors import WeightsError
from ids.core.weight_files import AGAIN, not_finite


def check_weights(network: nn.Module, where: str, file: Path) -> None:
    """`WeightsError` where a weight of this network is NaN or infinite."""
    if found := not_finite(network.state_dict().items()):
        raise WeightsError(f"{where}: expected finite weights in {file}; {found}; {AGAIN}")


def check_vocabulary(ids: Collection[int], n_embeddings: int, where: str, place: str) -> None:
    """`WeightsError` for a tokenizer of another network. One without its vocabulary maps every word
    to one token, without an error.
    """
    if len(ids) < n_embeddings / 2 or max(ids) >= n_embeddings:
        raise WeightsError(
            f"{where}: expected a tokenizer of the network's {n_embeddings} tokens {place}; got "
            f"{len(ids)} tokens; fetch the tokenizer of that model again"
        )
