"""The pass before the clock starts."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from conftest import Silent
from torch import Tensor

from ids.backbones import Gaussian, GaussianWorld
from ids.core.prompt import Prompt
from ids.data import Shapes
from ids.diffusion.timesteps import Uniform
from ids.editing import DistillationEditor
from ids.methods import DDS
from ids.run import Engine, Setting, Store
from ids.run.edit import BatchEditor
from ids.run.execute import Executor
from ids.run.job import plan

CPU = torch.device("cpu")


@dataclass(frozen=True)
class TightWorld:
    """A network without memory for a gradient of more than two rows. Notes who needs gradients."""

    passes: list[bool] = field(default_factory=list)
    world: GaussianWorld = field(default_factory=lambda: Gaussian().load(CPU))

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "world"), name)

    def eps(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        self.passes.append(z_t.requires_grad and torch.is_grad_enabled())
        if self.passes[-1] and len(z_t) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.world.eps(z_t, y, t)


def test_a_warm_up_that_does_not_fit_is_repeated(tmp_path: Path) -> None:
    """Else the first batch that fits would pay for it, in seconds."""
    sgd = partial(torch.optim.SGD, lr=0.1)
    dds = DistillationEditor(DDS(), Uniform(50, 949), sgd, n_steps=1)
    jobs = plan(Setting("dds", {}, "gaussian", {}, {}), dds, [Shapes()[i] for i in range(4)], [0])
    tight = TightWorld()
    edit = BatchEditor(dds, tight, CPU)  # type: ignore[arg-type]
    run = Executor(edit, Engine("cpu", batch_size=4), Store(tmp_path), lambda _: False)
    assert [one.status for batch in run(jobs, lambda _: Silent()) for one in batch] == ["ok"] * 4
    assert tight.passes[:2] == [True, True]
    assert sum(tight.passes) == 2
