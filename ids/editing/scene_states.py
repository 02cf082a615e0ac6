"""The states of a scene's edit along its steps, as views: a state itself is a whole scene."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ids.core.checkpoints import Checkpoints, EditState, with_prefix
from ids.core.edit import Scenic, Subject
from ids.core.protocols import Progress
from ids.core.tensors import Images

MOST = 20  # states of an edit
VIEWS = "views."


@dataclass
class ViewRecorder:
    """A progress listener that keeps views of scenes after every `every`-th of `n_steps` steps, or
    less often where those are more than `MOST`; 0, and other subjects: none.

    It is also the `Checkpoints` of the edit, on `kept`: views before an interruption are kept
    beside its state.
    """

    progress: Progress
    subject: Subject
    kept: Checkpoints
    every: int
    n_steps: int
    _steps: int = 0
    _resumed: int = 0  # steps before an interruption: the subject no longer has their states
    _views: dict[int, Sequence[Tensor]] = field(default_factory=dict)

    def step(self) -> None:
        """Count a step, keep its views if they are due, and pass the step on to `progress`."""
        self._steps += 1
        if self._keeps(self._steps) and isinstance(self.subject, Scenic):
            self._views[self._steps] = self.subject.views()
        self.progress.step()

    def states(self, row: int) -> dict[int, Images]:
        """step -> views [F, 3, H, W] of a row, in order."""
        return {step: views[row] for step, views in sorted(self._views.items())}

    def due(self, step: int) -> bool:
        """As `kept`."""
        return self.kept.due(step)

    def read(self) -> EditState | None:
        """The last state, whose views are kept from now on."""
        state = self.kept.read()
        if state is not None:
            self._resumed = state.step
            found = with_prefix(VIEWS, state.tensors)
            for name in sorted(found, key=lambda name: [int(part) for part in name.split(".")]):
                step = int(name.split(".")[0])
                self._views[step] = [*self._views.get(step, ()), found[name]]
        return state

    def write(self, state: EditState) -> None:
        """The state, and the views so far."""
        views = {
            f"{VIEWS}{step}.{row}": view
            for step, rows in self._views.items()
            for row, view in enumerate(rows)
        }
        self.kept.write(EditState(state.step, {**state.tensors, **views}))

    def remove(self) -> None:
        """As `kept`."""
        self.kept.remove()

    def _keeps(self, step: int) -> bool:
        """Is a state due, before the last, that is neither kept nor gone?"""
        if not self.every or step < self._resumed or step in self._views:
            return False
        spacing = self.every * max(-(-self.n_steps // (self.every * (MOST + 1))), 1)
        return step % spacing == 0 and step < self.n_steps
