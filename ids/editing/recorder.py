"""The states an edit passes through, kept along its own steps: where it would have stopped."""

from dataclasses import dataclass, field

from ids.core.protocols import Progress, Subject
from ids.core.tensors import Latent


@dataclass
class StateRecorder:
    """A progress listener that keeps z_trg at step 0, at every `every`-th step and at the last.

    Of a `anytime` editor, state k is bit for bit what an edit of k steps would have given: the
    stopping point becomes an axis at no further pass. `every` 0 keeps nothing. States stay on the
    device of the subject, a few latents a row.
    """

    progress: Progress
    subject: Subject
    every: int
    _steps: int = 0
    _states: dict[int, Latent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every:
            self._snapshot()

    def step(self) -> None:
        self._steps += 1
        if self.every and self._steps % self.every == 0:
            self._snapshot()
        self.progress.step()

    def states(self) -> dict[int, Latent]:
        """step -> z_trg [B, C, H, W]; empty for editors that take no steps."""
        if self.every and self._steps:
            self._snapshot()
        return self._states if self._steps else {}

    def _snapshot(self) -> None:
        self._states[self._steps] = self.subject.z_trg.detach().clone()
