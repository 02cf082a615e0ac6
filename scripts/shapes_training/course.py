"""One training stage: budget of samples and time, learning rate, moving average, checkpoints."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

CHECKPOINT_SECONDS = 120.0
WARM_UP_STEPS = 200


@dataclass(frozen=True)
class Budget:
    """A stage ends after `samples` or `minutes`, whichever is first. Minutes are of CPU time per
    thread, summed over resumes: those of a clock on an idle machine, and no fewer steps on a busy
    one.
    """

    samples: int
    minutes: float
    batch: int
    peak_rate: float
    average: float = 0.999


@dataclass(frozen=True)
class Outcome:
    """The averaged networks, and the samples and minutes of their training."""

    modules: nn.ModuleDict
    samples: int
    minutes: float


class Course:
    """Trains one `ModuleDict`. All randomness of `loss(modules, step)` must depend on `step` only,
    so that a resume is exact.
    """

    def __init__(self, name: str, folder: Path, budget: Budget, modules: nn.ModuleDict) -> None:
        self.name, self.path, self.budget, self.modules = (
            name,
            folder / f"{name}.pt",
            budget,
            modules,
        )
        self.average = copy.deepcopy(modules).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            modules.parameters(), lr=budget.peak_rate, weight_decay=1e-2
        )
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self._load()

    def run(self, loss: Callable[[nn.ModuleDict, int], Tensor]) -> Outcome:
        saved, resumed_at = time.monotonic(), self.step
        columns: Sequence[
            TextColumn | BarColumn | MofNCompleteColumn | TimeElapsedColumn | TimeRemainingColumn
        ] = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as bar:
            task = bar.add_task(
                self.name, total=self.budget.samples, completed=self.step * self.budget.batch
            )
            while (progress := self._progress()) < 1:
                began = _cpu_seconds()
                value = self._train_step(loss, progress)
                self.seconds += _cpu_seconds() - began
                bar.update(task, advance=self.budget.batch)
                if self.step % 100 == 0:
                    bar.console.print(
                        f"{self.name} step {self.step} loss {value:.5f} {self.seconds / 60:.1f} min"
                    )
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save()
                    saved = time.monotonic()
        if self.step > resumed_at:
            self._save()
        return Outcome(self.average, self.step * self.budget.batch, self.seconds / 60)

    def _progress(self) -> float:
        return max(
            self.step * self.budget.batch / self.budget.samples,
            self.seconds / (60 * self.budget.minutes),
        )

    def _train_step(self, loss: Callable[[nn.ModuleDict, int], Tensor], progress: float) -> float:
        warm_up = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = (
                self.budget.peak_rate
                * warm_up
                * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
            )
        value = loss(self.modules, self.step)
        self.optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.budget.average, self.step / (self.step + 10))
        with torch.no_grad():
            for average, current in zip(
                self.average.parameters(), self.modules.parameters(), strict=True
            ):
                average.lerp_(current, 1 - keep)
        return value.item()

    def _save(self) -> None:
        state = {
            "modules": self.modules.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.path)

    def _load(self) -> None:
        state = torch.load(self.path, weights_only=True)
        self.modules.load_state_dict(state["modules"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def _cpu_seconds() -> float:
    return time.process_time() / torch.get_num_threads()
