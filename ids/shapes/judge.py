"""The shipped classifier, loaded once."""

from functools import cache
from pathlib import Path

from safetensors.torch import load_file

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.weight_files import AGAIN, check_finite, differences, digest_of, headers_in
from ids.shapes import WEIGHTS
from ids.shapes.classifier import Classifier

FILE = WEIGHTS / "classifier" / "model.safetensors"


def judge_files() -> list[NeededFile]:
    """The classifier's weights."""
    return [needed_file("shapes classifier", FILE, "train it with `make shapes`")]


def load_classifier(file: Path) -> Classifier:
    """On the CPU, in float32, frozen."""
    if not file.is_file():
        raise WeightsError(
            f"shapes classifier: expected {file}; there is none; `make shapes` trains it"
        )
    classifier, where = Classifier(), f"shapes classifier: {file}"
    wanted = {name: tuple(value.shape) for name, value in classifier.state_dict().items()}
    found = {name: header.shape for name, header in headers_in(file, where).items()}
    if told := differences(wanted, found):
        raise WeightsError(f"{where}: expected the classifier's weights; {told}; {AGAIN}")
    check_finite(file, where)
    classifier.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return classifier.eval().requires_grad_(False)


@cache
def judge() -> Classifier:
    return load_classifier(FILE)


@cache
def judge_weights_id() -> str:
    """What its numbers stand on."""
    judge()
    return f"shapes-classifier-{digest_of(FILE)[:8]}"
