"""Loggers: mirrors of the store. Results never depend on them."""

from ids.log.jsonl import JsonLines
from ids.log.trackio import Trackio
from ids.log.weights_and_biases import WeightsAndBiases

__all__ = ["JsonLines", "Trackio", "WeightsAndBiases"]
