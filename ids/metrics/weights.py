"""Networks that metrics stand on: where they run, and whether their weights are numbers."""

from pathlib import Path

import torch
from torch import nn

from ids.core.errors import WeightsError
from ids.core.weight_files import AGAIN, not_finite


def judging_device() -> torch.device:
    """A GPU where there is one: a judge in float32 answers alike on both, up to rounding."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_weights(network: nn.Module, where: str, file: Path) -> None:
    """`WeightsError` where a weight of this network is NaN or infinite."""
    if told := not_finite(network.state_dict().items()):
        raise WeightsError(f"{where}: expected finite weights in {file}; {told}; {AGAIN}")
