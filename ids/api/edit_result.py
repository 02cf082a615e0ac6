"""One edit as `ids.edit` returns it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from PIL import Image as PIL
from torch import Tensor

from ids.core.errors import IdsError
from ids.core.records import EditCase
from ids.data.image_list import Photo
from ids.run.edit import FinishedEdit, curve_columns

if TYPE_CHECKING:
    import pandas as pd

Numbers = dict[str, float]
FIRST = ("t", "gradient", "distance")  # columns of a trace, before what the method logs


@dataclass(frozen=True, repr=False, eq=False)
class EditResult:
    """The edit of one image. Of one that failed, everything but `case` and `key` raises `error`.
    `key` names the edit in the store; empty without a store.
    """

    case: EditCase
    key: str
    _found: FinishedEdit | IdsError
    _photo: Photo
    _judge: Callable[[FinishedEdit], Numbers]

    @property
    def error(self) -> IdsError | None:
        """The reason of a failed edit; None for a finished one."""
        return self._found if isinstance(self._found, IdsError) else None

    @cached_property
    def image(self) -> PIL.Image:
        """The edited image, 8 bits RGB, upright, at the size of the source image; with fit `crop`
        its middle square, at the size of the canvas.
        """
        return self._photo.restore(self._edit.edited.image)

    @property
    def latent(self) -> Tensor:
        """z_trg [C, H, W], VAE-scaled, on the CPU."""
        return self._edit.edited.z_trg

    @property
    def source_latent(self) -> Tensor:
        """z_src [C, H, W], VAE-scaled, on the CPU."""
        return self._edit.edited.z_src

    @property
    def states(self) -> dict[int, Tensor]:
        """Step -> z_trg [C, H, W], every `keep_every` steps; empty for sampling editors."""
        return dict(self._edit.states)

    @cached_property
    def trace(self) -> "pd.DataFrame":
        """One line per step: timestep t, RMS of the gradient, RMS distance of z_trg to z_src, and
        the logs of the method; a column per iteration of the fixed-point regularizer. Empty for
        sampling editors.
        """
        import pandas as pd

        curves = self._edit.curves
        names = sorted(curves, key=lambda name: (name not in FIRST, name))
        columns = curve_columns({name: curves[name] for name in names})
        n_steps = len(next(iter(columns.values()), []))
        return pd.DataFrame(columns, index=pd.RangeIndex(1, n_steps + 1, name="step"))

    def metrics(self) -> Numbers:
        """Metric -> value; nan where it is not defined for this case. Computed once."""
        return dict(self._numbers)

    def side_by_side(self) -> PIL.Image:
        """The source image and the edited one, in one image."""
        source = self._photo.restore(self._edit.case.source.load())
        pair = PIL.new("RGB", (2 * self.image.width, self.image.height))
        pair.paste(source, (0, 0))
        pair.paste(self.image, (self.image.width, 0))
        return pair

    def show(self) -> None:
        """Both images: in the notebook, or in the system's image viewer."""
        pair = self.side_by_side()
        try:
            from IPython.core.getipython import get_ipython
            from IPython.display import display
        except ImportError:
            pair.show()
            return
        display(pair) if get_ipython() else pair.show()  # type: ignore[no-untyped-call]

    @cached_property
    def _numbers(self) -> Numbers:
        return self._judge(self._edit)

    @property
    def _edit(self) -> FinishedEdit:
        if isinstance(self._found, IdsError):
            raise self._found
        return self._found

    def __repr__(self) -> str:
        state = f"error={self.error}" if self.error else f"key={self.key or None!r}"
        return f"EditResult({self.case.prompt_src!r} -> {self.case.prompt_trg!r}, {state})"
