"""Checks of the weights of judging networks."""

from pathlib import Path

from torch import nn

from ids.core.errors import WeightsError
from ids.core.weight_files import AGAIN, not_finite


def check_weights(network: nn.Module, where: str, file: Path) -> None:
    """`WeightsError` where a weight of this network is NaN or infinite."""
    if found := not_finite(network.state_dict().items()):
        raise WeightsError(f"{where}: expected finite weights in {file}; {found}; {AGAIN}")
