"""A scene model fitted to the photos of a capture."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch.nn import functional as F

from ids.core.capture import Capture
from ids.core.rng import generator
from ids.scenes.checkpoint import read_checkpoint, restore, write_checkpoint
from ids.scenes.limits import check_least
from ids.scenes.model import RayModel, SceneModel, render_view
from ids.scenes.photos import FitPhotos, Shot, held_out, shot

BETAS = (0.9, 0.99)


class FitReport(NamedTuple):
    """`n_steps` so far; `psnr` in dB at the last checkpoint, mean over held-out photos (over all
    where none is held out); nan before the first.
    """

    n_steps: int
    psnr: float


Listener = Callable[[FitReport], None]


@dataclass(frozen=True)
class Fit:
    """Adam on the squared error of colours, plus `smoothness` times the model's roughness, plus
    `solidity` times the light that passes through the scene: 0 for a capture of an object alone, in
    front of nothing. The learning rate falls from `lr` to `lr / 10`; `rates` are factors of it, by
    parameter group.

    A step draws its rays from (seed, step) alone, so a fit that was cut goes on as if it had not
    been.
    """

    n_steps: int = 1500
    n_rays: int = 2048
    lr: float = 0.1
    smoothness: float = 1e-3
    solidity: float = 0.01
    seed: int = 0
    checkpoint_every: int = 250  # steps
    rates: Mapping[str, float] = field(default_factory=dict)

    ignored: ClassVar[tuple[str, ...]] = ("checkpoint_every",)

    def __post_init__(self) -> None:
        check_least(self, "fit", n_steps=1, n_rays=1, checkpoint_every=1)
        check_least(self, "fit", smoothness=0, solidity=0, rates=0)
        if not self.lr > 0:
            raise ValueError(f"representation.fit.lr: expected a number above 0; got {self.lr:g}")

    def __call__(
        self,
        model: SceneModel,
        capture: Capture,
        file: Path | None = None,
        name: str = "",
        listener: Listener | None = None,
    ) -> None:
        """Fit the model in place, on the device of the capture's cameras. With a `file`, what was
        made of `name` there before goes on; a finished fit is read, without its photos.
        `listener` is called after each step.
        """
        optimizer, start = self._optimizer(model), 0
        if file and (found := read_checkpoint(file, name)):
            restore(found, model, optimizer)
            start = min(found.step, self.n_steps)
        if start == self.n_steps:
            return
        data, unseen, psnr = FitPhotos.of(capture), [shot(p) for p in held_out(capture)], math.nan
        for step in range(start, self.n_steps):
            self._step(step, model, data, optimizer)
            done = step + 1
            if done % self.checkpoint_every == 0 or done == self.n_steps:
                psnr = mean_psnr(model, unseen)
                if file:
                    write_checkpoint(file, model, optimizer, done, name)
            if listener:
                listener(FitReport(done, psnr))

    def is_finished(self, file: Path, name: str) -> bool:
        """Does a file hold the whole fit of `name`? `DataError` as in fitting."""
        found = read_checkpoint(file, name)
        return found is not None and found.step >= self.n_steps

    def _optimizer(self, model: SceneModel) -> torch.optim.Optimizer:
        # The tiny epsilon of NeRF training: cells that few rays see learn as fast as others.
        groups = [
            {"params": list(g.parameters), "rate": self.rates.get(g.name, 1.0)}
            for g in model.groups()
        ]
        return torch.optim.Adam(groups, self.lr, BETAS, 1e-15, fused=True)

    def _step(
        self, step: int, model: SceneModel, data: FitPhotos, optimizer: torch.optim.Optimizer
    ) -> None:
        rng = torch.Generator().manual_seed(_seed(self.seed, step))
        for group in optimizer.param_groups:
            group["lr"] = self.lr * group["rate"] * 0.1 ** (step / self.n_steps)
        optimizer.zero_grad()
        if isinstance(model, RayModel):
            target = data.rays(self.n_rays, rng)
            rgb, jitter = target.rgb, torch.rand(self.n_rays, generator=rng)
            render = model.trace(*target.picked, jitter.to(rgb.device))
        else:
            camera, pixels, rgb = data.pixels(self.n_rays, rng)
            render = model.render(camera, pixels)
        loss = F.mse_loss(render.rgb, rgb) + self.solidity * (1 - render.opacity).mean()
        if self.smoothness:
            loss = loss + self.smoothness * model.roughness(rng)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def mean_psnr(model: SceneModel, shots: Sequence[Shot]) -> float:
    """In dB, of pixels with content: the mean over photos in memory."""
    found = []
    for one in shots:
        view = render_view(model, one.camera).image.flatten(1).T
        error = (view[one.pixels] - one.rgb).square().mean()
        found.append(-10 * math.log10(max(float(error), 1e-12)))
    return sum(found) / len(found)


def _seed(seed: int, step: int) -> int:
    return int(generator(f"fit/{seed}/{step}").integers(2**63))
