"""The shipped classifiers as judges of edits."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.protocols import Models
from ids.core.weight_files import AGAIN, check_finite, differences, digest_of, headers_in
from ids.shapes import WEIGHTS, WIDE_WEIGHTS
from ids.shapes.classifier import Classifier
from ids.shapes.scene import VALUES, WIDE_VALUES, Values

FILE = Path("classifier") / "model.safetensors"  # in a folder of weights
TRAIN = "train it with `make shapes`, the wide one with `make shapes-wide`"


@dataclass(frozen=True, eq=False)
class Judge:
    """A classifier: its name in metrics, the file of its weights, and what it reads."""

    name: str
    file: Path
    values: Values

    def load(self, models: Models) -> Classifier:
        """The classifier, loaded once per command. It is small, and stays on the CPU."""
        return models.get(self.file, lambda: load_classifier(self.file, self.values))

    def files(self) -> list[NeededFile]:
        """The classifier's weights."""
        return [needed_file("shapes classifier", self.file, TRAIN)]

    def weights_id(self) -> str:
        """The name and eight digits of its digest; `WeightsError` if it is missing."""
        _check_file(self.file)
        return f"{self.name}-{digest_of(self.file)[:8]}"


JUDGE = Judge("shapes-classifier", WEIGHTS / FILE, VALUES)
WIDE_JUDGE = Judge("wide-classifier", WIDE_WEIGHTS / FILE, WIDE_VALUES)


def load_classifier(file: Path, values: Values = VALUES) -> Classifier:
    """On the CPU, in float32, frozen. `WeightsError` where the file is missing, holds NaN, or is
    not the classifier's.
    """
    _check_file(file)
    classifier, where = Classifier(values), f"shapes classifier: {file}"
    wanted = {name: tuple(value.shape) for name, value in classifier.state_dict().items()}
    found = {name: header.shape for name, header in headers_in(file, where).items()}
    if misfits := differences(wanted, found):
        raise WeightsError(f"{where}: expected the classifier's weights; {misfits}; {AGAIN}")
    check_finite(file, where)
    classifier.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return classifier.eval().requires_grad_(False)


def _check_file(file: Path) -> None:
    if not file.is_file():
        raise WeightsError(f"shapes classifier: expected {file}; found no such file; {TRAIN}")
