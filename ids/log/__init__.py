"""Where curves and figures go while the store keeps the truth."""

from ids.log.jsonl import JsonLines
from ids.log.weights_and_biases import WeightsAndBiases

__all__ = ["JsonLines", "WeightsAndBiases"]
