"""Whether an image shows the prompt's attributes, as read by the embedded world's classifier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined, over_shapes
from ids.shapes.caption import parse_caption
from ids.shapes.classifier import Classifier
from ids.shapes.judge import JUDGE
from ids.shapes.scene import Attribute

Wanted = dict[Attribute, str]


@dataclass(frozen=True)
class Success:
    """1 where every attribute in which the prompts differ is read as in the chosen `prompt`, else
    0: `success` for the target, `restored` for the source (of an edit and back). nan for prompts
    outside the embedded world, and where the prompts do not differ.

    Only the changed attributes count; PSNR to the true edit measures what else an edit breaks.
    """

    prompt: Literal["target", "source"] = "target"

    revision = 1
    unit = ""
    digits = 2
    higher_is_better = True
    best = 1.0
    min_side = 1

    def files(self) -> list[NeededFile]:
        """The shapes classifier."""
        return JUDGE.files()

    @property
    def name(self) -> str:
        return {"target": "success", "source": "restored"}[self.prompt]

    @property
    def title(self) -> str:
        return self.name

    def weights_id(self) -> str:
        return JUDGE.weights_id()

    def load(self, models: Models) -> Classifier:
        """The shapes classifier."""
        return JUDGE.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0, 1 or nan."""
        return shown_in(edits, [self._wanted(case) for case in cases], self.load(models))

    def _wanted(self, case: EditCase) -> Wanted:
        """The changed attributes and their wanted values; empty where the number is undefined."""
        before, after = parse_caption(case.prompt_src), parse_caption(case.prompt_trg)
        wanted, other = (after, before) if self.prompt == "target" else (before, after)
        changed = {a: value for a, value in wanted.items() if value != other.get(a)}
        return changed if before and after else {}


def shown_in(
    edits: Sequence[Edited], wanted: Sequence[Mapping[Any, str]], network: Classifier
) -> list[float]:
    """1 where all wanted values of an edit are read, else 0; nan where none is wanted."""

    def shown(known: list[tuple[Mapping[Any, str], Tensor]]) -> list[float]:
        read = over_shapes([(image,) for _, image in known], network.read)
        pairs = zip(read, known, strict=True)
        return [float(network.shows(row, values)) for row, (values, _) in pairs]

    pairs = zip(wanted, edits, strict=True)
    return over_defined([(values, e.image) if values else None for values, e in pairs], shown)
