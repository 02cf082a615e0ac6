"""Guidance scales that change from step to step."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from ids.core.options import check_options
from ids.core.protocols import StepGuidance


@dataclass(frozen=True)
class ConstantGuidance:
    """The method's guidance scale at every step."""

    anytime: ClassVar[bool] = True
    neutral: ClassVar[bool] = True

    def __call__(self, step: int, n_steps: int, scale: float) -> StepGuidance:
        """The same at every step."""
        return StepGuidance(scale)


@dataclass(frozen=True)
class SettleGuidance:
    """The method's guidance scale, then `scale` in the last `steps` steps, with the learning rate
    times `rate`. Unguided steps repair what strong guidance exaggerates, at half the cost.

    Which steps are the last ones depends on n_steps, so that a state on the way is no shorter edit.
    """

    steps: int = 8
    scale: float = 1.0
    rate: float = 1.0

    anytime: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"guidance.steps: expected 1 or more; got {self.steps}")
        if not self.rate > 0:
            raise ValueError(f"guidance.rate: expected more than 0; got {self.rate}")

    def __call__(self, step: int, n_steps: int, scale: float) -> StepGuidance:
        """`ValueError` where no step is left before the last ones."""
        if self.steps >= n_steps:
            raise ValueError(
                f"guidance.steps: expected fewer than method.n_steps, which is {n_steps}; got "
                f"{self.steps}; n_steps counts the last steps, too"
            )
        if step < n_steps - self.steps:
            return StepGuidance(scale)
        return StepGuidance(self.scale, self.rate)


@dataclass(frozen=True)
class RampGuidance:
    """From the method's guidance scale at step 0 to `end` after `over` steps, and `end` from there.
    Without `over` it is reached at the last step: then a state on the way is no shorter edit.
    """

    form: Literal["linear", "cosine"] = "linear"
    end: float = 1.0
    over: int | None = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.over is not None and self.over < 1:
            raise ValueError(f"guidance.over: expected 1 or more, or null; got {self.over}")

    @property
    def anytime(self) -> bool:
        """Where the number of steps of the ramp is given."""
        return self.over is not None

    def __call__(self, step: int, n_steps: int, scale: float) -> StepGuidance:
        """Exactly `scale` at step 0 and exactly `end` at the end."""
        length = self.over if self.over is not None else n_steps - 1
        done = min(step / length, 1.0) if length else 0.0
        left = 1 - done if self.form == "linear" else (1 + math.cos(math.pi * done)) / 2
        return StepGuidance(left * scale + (1 - left) * self.end)
