"""The shipped classifier as a judge of edits."""

from pathlib import Path

from safetensors.torch import load_file

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.protocols import Models
from ids.core.weight_files import AGAIN, check_finite, differences, digest_of, headers_in
from ids.shapes import WEIGHTS
from ids.shapes.classifier import Classifier

FILE = WEIGHTS / "classifier" / "model.safetensors"


def judge(models: Models) -> Classifier:
    """The shipped classifier, loaded once per command. It is small, and stays on the CPU."""
    return models.get(FILE, lambda: load_classifier(FILE))


def judge_files() -> list[NeededFile]:
    """The classifier's weights."""
    return [needed_file("shapes classifier", FILE, "train it with `make shapes`")]


def judge_weights_id() -> str:
    """`shapes-classifier-` and eight digits of its digest; `WeightsError` if it is missing."""
    _check_file(FILE)
    return f"shapes-classifier-{digest_of(FILE)[:8]}"


def load_classifier(file: Path) -> Classifier:
    """On the CPU, in float32, frozen. `WeightsError` where the file is missing, holds NaN, or is
    not the classifier's.
    """
    _check_file(file)
    classifier, where = Classifier(), f"shapes classifier: {file}"
    wanted = {name: tuple(value.shape) for name, value in classifier.state_dict().items()}
    found = {name: header.shape for name, header in headers_in(file, where).items()}
    if fault := differences(wanted, found):
        raise WeightsError(f"{where}: expected the classifier's weights; {fault}; {AGAIN}")
    check_finite(file, where)
    classifier.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return classifier.eval().requires_grad_(False)


def _check_file(file: Path) -> None:
    if not file.is_file():
        raise WeightsError(
            f"shapes classifier: expected {file}; found no such file; `make shapes` trains it"
        )
