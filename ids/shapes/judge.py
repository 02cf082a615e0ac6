"""The shipped classifier, loaded once."""

import hashlib
from functools import cache
from pathlib import Path

from safetensors.torch import load_file

from ids.core.errors import WeightsError
from ids.shapes import WEIGHTS
from ids.shapes.classifier import Classifier

FILE = WEIGHTS / "classifier" / "model.safetensors"


def load_classifier(file: Path) -> Classifier:
    """On the CPU, in float32, frozen."""
    if not file.is_file():
        raise WeightsError(
            f"shapes classifier: expected {file}; there is none; `make shapes` trains it"
        )
    classifier = Classifier()
    weights = load_file(file)
    classifier.load_state_dict({name: value.float() for name, value in weights.items()})
    return classifier.eval().requires_grad_(False)


@cache
def judge() -> Classifier:
    return load_classifier(FILE)


@cache
def judge_basis() -> str:
    """What its numbers stand on."""
    judge()
    return f"shapes-classifier-{hashlib.sha256(FILE.read_bytes()).hexdigest()[:8]}"
