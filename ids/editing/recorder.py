"""The states of an edit along its steps."""

from dataclasses import dataclass, field

import torch

from ids.core.capabilities import require
from ids.core.edit import LatentSubject, Subject
from ids.core.errors import UnsupportedError
from ids.core.protocols import Progress
from ids.core.tensors import Latent, to_host


@dataclass
class StateRecorder:
    """A progress listener that keeps z_trg at step 0, at every `every`-th step and at the last.

    For an `anytime` editor, state k is the result of an edit of k steps, bit for bit where source
    halves are computed step by step, so one edit gives the results of all shorter ones. `every` 0
    keeps nothing and takes any subject, more need a `LatentSubject`. States are copied
    to the host while the device goes on.
    """

    progress: Progress
    subject: Subject
    every: int
    _steps: int = 0
    _states: dict[int, Latent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every and not isinstance(self.subject, LatentSubject):
            raise UnsupportedError(
                f"keep_every: expected 0 for {type(self.subject).__name__}, which has no latents "
                f"to keep; got {self.every}"
            )
        if self.every:
            self._snapshot()

    def step(self) -> None:
        """Count a step, keep its state if it is due, and pass the step on to `progress`."""
        self._steps += 1
        if self.every and self._steps % self.every == 0:
            self._snapshot()
        self.progress.step()

    def states(self) -> dict[int, Latent]:
        """step -> z_trg [B, C, H, W] on the host; empty for editors that take no steps."""
        if self.every and self._steps:
            self._snapshot()
            if self._z_trg.is_cuda:
                torch.cuda.current_stream(self._z_trg.device).synchronize()
        return self._states if self._steps else {}

    def _snapshot(self) -> None:
        self._states[self._steps] = to_host(self._z_trg)

    @property
    def _z_trg(self) -> Latent:
        return require(self.subject, LatentSubject).z_trg
