"""Whether an image shows all that a wide prompt names, as read by the embedded world's wide
classifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.success import shown_in
from ids.shapes.caption import parse_wide_caption
from ids.shapes.classifier import Classifier
from ids.shapes.judge import WIDE_JUDGE
from ids.shapes.scene import WideAttribute

Named = dict[WideAttribute, str]


@dataclass(frozen=True)
class WideSuccess:
    """1 where everything that the target prompt names is read in the edited image, else 0: an
    object or none, its fill, colour and shape, and the kind of the background. nan for prompts
    other than wide captions, and for equal prompts.

    Other than `success`, what is to stay counts too: an edit of the background that turns a heart
    into a ring is none. Where an added object stands does not count, as no prompt names a place.
    """

    revision = 1
    name = "wide_success"
    title = "wide success"
    unit = ""
    digits = 2
    higher_is_better = True
    best = 1.0
    min_side = 1

    def files(self) -> list[NeededFile]:
        """The wide classifier."""
        return WIDE_JUDGE.files()

    def weights_id(self) -> str:
        return WIDE_JUDGE.weights_id()

    def load(self, models: Models) -> Classifier:
        """The wide classifier."""
        return WIDE_JUDGE.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0, 1 or nan."""
        return shown_in(edits, [_named(case) for case in cases], self.load(models))


def _named(case: EditCase) -> Named:
    """What the target prompt names; empty where the number is undefined."""
    before, after = parse_wide_caption(case.prompt_src), parse_wide_caption(case.prompt_trg)
    return after if before and before != after else {}
