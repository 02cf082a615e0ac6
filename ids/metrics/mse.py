"""Mean squared error."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.comparison import Against, Region, mean_over_region, name_of, title_of


@dataclass(frozen=True)
class MSE:
    """Mean squared difference of images in [0, 1], to the source or the true edit, over the pixels
    and channels of the whole image, of the background (outside the mask) or of the edited region.
    """

    against: Against = "source"
    region: Region = "whole"

    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    min_side = 1

    @property
    def name(self) -> str:
        return name_of("mse", self.against, self.region)

    @property
    def title(self) -> str:
        return title_of("MSE", self.against, self.region)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; nan without the true edit or mask that it needs."""
        return mean_over_region(
            cases, edits, models, self.against, self.region, lambda x, y: (x - y).square_()
        )
