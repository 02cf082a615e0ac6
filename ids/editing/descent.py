"""The state of a distillation loop between two steps, and what an interrupted loop starts from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ids.core.checkpoints import (
    EditState,
    optimizer_tensors,
    restore_optimizer,
    with_prefix,
)
from ids.core.edit import EditContext
from ids.core.errors import DataError
from ids.core.records import Trace

PARAMETER, OPTIMIZER, CURVE = "parameter.", "optimizer.", "curve."


@dataclass
class Descent:
    """The parameters under an optimizer, its state, and the curves of the steps so far. Random
    numbers are functions of seed and step, so nothing else passes from one step to the next.
    """

    optimizer: torch.optim.Optimizer
    context: EditContext
    step: int = 0
    _earlier: Mapping[str, Tensor] = field(default_factory=dict)  # curves before an interruption
    _curves: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))

    def resume(self) -> None:
        """Continue from the last checkpoint, where one exists. `DataError` where it belongs to
        other parameters.
        """
        if (state := self.context.checkpoints.read()) is None:
            return
        parameters = with_prefix(PARAMETER, state.tensors)
        mine = {str(number): p for number, p in enumerate(self._parameters())}
        if {n: x.shape for n, x in parameters.items()} != {n: p.shape for n, p in mine.items()}:
            raise DataError(
                "checkpoint of an edit: expected the parameters of this edit; got others; remove it"
            )
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(parameters[name])
        restore_optimizer(self.optimizer, with_prefix(OPTIMIZER, state.tensors))
        self._earlier, self.step = with_prefix(CURVE, state.tensors), state.step
        for _ in range(self.step):
            self.context.progress.step()

    def end_step(self, logs: Mapping[str, Tensor]) -> None:
        """Count a step, with a value (or vector) of each curve per row, and write the state where
        it is due.
        """
        self.step += 1
        for name, value in logs.items():
            self._curves[name].append(value)
        if self.context.checkpoints.due(self.step):
            self.context.checkpoints.write(EditState(self.step, self._tensors()))
        self.context.progress.step()

    def trace(self) -> Trace:
        """The curves, [n_steps, B, ...]."""
        new = {name: torch.stack(values).cpu() for name, values in self._curves.items()}
        return Trace(
            {
                name: torch.cat([part[name] for part in (self._earlier, new) if name in part])
                for name in {**self._earlier, **new}
            }
        )

    def _parameters(self) -> Iterator[nn.Parameter]:
        for group in self.optimizer.param_groups:
            yield from group["params"]

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"{PARAMETER}{n}": p.detach() for n, p in enumerate(self._parameters())}
        found |= {f"{OPTIMIZER}{n}": x for n, x in optimizer_tensors(self.optimizer).items()}
        return found | {f"{CURVE}{name}": values for name, values in self.trace().curves.items()}
