"""What an edit takes, over all processes that worked on it."""

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ids.core.checkpoints import Checkpoints, EditState
from ids.editing import NFE

SPENT = "spent"  # the tensor of a checkpoint


@dataclass
class CountedCheckpoints:
    """Checkpoints that keep the seconds and evaluations of a batch so far beside its state."""

    kept: Checkpoints
    nfe: NFE
    began: float = field(default_factory=time.perf_counter)
    _before: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))

    @property
    def spent(self) -> tuple[float, float, float]:
        """Seconds, forwards and backwards of the batch, steps before an interruption included."""
        seconds, forwards, backwards = (self._before + self._now()).tolist()
        return seconds, forwards, backwards

    def due(self, step: int) -> bool:
        """As `kept`."""
        return self.kept.due(step)

    def read(self) -> EditState | None:
        """The last state; what it took is counted from now on."""
        state = self.kept.read()
        if state is not None:
            self._before = state.tensors[SPENT]
        return state

    def write(self, state: EditState) -> None:
        """The state, and what it took."""
        spent = torch.tensor(self.spent, dtype=torch.float64)
        self.kept.write(EditState(state.step, {**state.tensors, SPENT: spent}))

    def remove(self) -> None:
        """As `kept`."""
        self.kept.remove()

    def _now(self) -> Tensor:
        seconds = time.perf_counter() - self.began
        counts = [seconds, self.nfe.forwards, self.nfe.backwards]
        return torch.tensor(counts, dtype=torch.float64)
