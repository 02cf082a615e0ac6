"""A scene model fitted to the photos of a capture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.camera import Rays
from ids.core.capture import Capture, Photo
from ids.core.edit import Silent
from ids.core.errors import DataError
from ids.core.protocols import Progress
from ids.core.rng import generator
from ids.scenes.checkpoint import read_checkpoint, restore, write_checkpoint
from ids.scenes.model import Picked, RayModel, SceneModel, pick, render_view

BETAS = (0.9, 0.99)


class Target(NamedTuple):
    """Pixels to be met: their rays and colours [P, 3]."""

    picked: Picked
    rgb: Float[Tensor, "P 3"]


class FitReport(NamedTuple):
    """`psnr` in dB, mean over held-out photos (of all photos where none is held out)."""

    psnr: float
    n_steps: int


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
        for name in ("n_steps", "n_rays", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"fit.{name}: expected 1 or more; got {getattr(self, name)}")

    def __call__(
        self,
        model: SceneModel,
        capture: Capture,
        file: Path | None = None,
        name: str = "",
        progress: Progress | None = None,
    ) -> FitReport:
        """Fit the model in place. With a `file`, what was made of `name` there before goes on."""
        progress = progress or Silent()
        data, optimizer = _Photos.of(capture), self._optimizer(model)
        start = 0
        if file and (found := read_checkpoint(file, name)):
            restore(found, model, optimizer)
            start = min(found.step, self.n_steps)
        for step in range(start, self.n_steps):
            self._step(step, model, data, optimizer)
            done = step + 1
            if file and (done % self.checkpoint_every == 0 or done == self.n_steps):
                write_checkpoint(file, model, optimizer, done, name)
            progress.step()
        return FitReport(held_out_psnr(model, capture), self.n_steps)

    def _optimizer(self, model: SceneModel) -> torch.optim.Optimizer:
        # The tiny epsilon of NeRF training: cells that few rays see learn as fast as others.
        groups = [
            {"params": list(g.parameters), "rate": self.rates.get(g.name, 1.0)}
            for g in model.groups()
        ]
        return torch.optim.Adam(groups, self.lr, BETAS, 1e-15, fused=True)

    def _step(
        self, step: int, model: SceneModel, data: "_Photos", optimizer: torch.optim.Optimizer
    ) -> None:
        rng = torch.Generator().manual_seed(_seed(self.seed, step))
        for group in optimizer.param_groups:
            group["lr"] = self.lr * group["rate"] * 0.1 ** (step / self.n_steps)
        optimizer.zero_grad()
        if isinstance(model, RayModel):
            target = data.rays(self.n_rays, rng)
            render = model.trace(*target.picked, torch.rand(self.n_rays, generator=rng))
            rgb = target.rgb
        else:
            photo = int(torch.randint(len(data.photos), (1,), generator=rng))
            pixels = torch.randint(len(data.rgb[photo]), (self.n_rays,), generator=rng)
            render = model.render(data.photos[photo].camera, pixels)
            rgb = data.rgb[photo][pixels]
        loss = F.mse_loss(render.rgb, rgb) + self.solidity * (1 - render.opacity).mean()
        if self.smoothness:
            loss = loss + self.smoothness * model.roughness(rng)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def held_out_psnr(model: SceneModel, capture: Capture) -> float:
    """Mean over the photos that were held out; over all where none was."""
    photos = [p for p in capture.photos if p.is_held_out] or list(capture.photos)
    found = []
    for photo in photos:
        error = render_view(model, photo.camera).image - photo.image.load()
        found.append(-10 * math.log10(max(float(error.square().mean()), 1e-12)))
    return sum(found) / len(found)


@dataclass(frozen=True)
class _Photos:
    """Photos to fit, in memory, as rays and colours [pixels, 3] each."""

    photos: Sequence[Photo]
    picked: Sequence[Picked]
    rgb: Sequence[Tensor]

    @classmethod
    def of(cls, capture: Capture) -> "_Photos":
        """Of the photos that are not held out. `DataError` where none is left, or an image has not
        the size of its camera.
        """
        photos = [photo for photo in capture.photos if not photo.is_held_out]
        if not photos:
            raise DataError(
                f"{capture.name}: expected photos to fit; found none that is not held out"
            )
        return cls(photos, [pick(p.camera) for p in photos], [_colours(p) for p in photos])

    def rays(self, n: int, rng: torch.Generator) -> Target:
        """Random ones of all photos."""
        sizes = torch.tensor([len(rgb) for rgb in self.rgb])
        which = torch.randint(len(sizes), (n,), generator=rng)
        at = (torch.rand(n, generator=rng) * sizes[which]).long().clamp(max=sizes[which] - 1)
        chosen = [(i, at[which == i]) for i in range(len(sizes))]
        origins, directions, near, far, rgb = (
            torch.cat(part)
            for part in zip(
                *(
                    (p.rays.origins[k], p.rays.directions[k], p.near[k], p.far[k], self.rgb[i][k])
                    for i, k in chosen
                    for p in [self.picked[i]]
                ),
                strict=True,
            )
        )
        return Target(Picked(Rays(origins, directions), near, far), rgb)


def _colours(photo: Photo) -> Tensor:
    image, size = photo.image.load(), (photo.camera.height, photo.camera.width)
    if tuple(image.shape[-2:]) != size:
        height, width = image.shape[-2:]
        raise DataError(
            f"{photo.name}: expected an image of {size[1]}x{size[0]} pixels, as its "
            f"camera has; got {width}x{height}; resize one"
        )
    return image.permute(1, 2, 0).reshape(-1, 3)


def _seed(seed: int, step: int) -> int:
    return int(generator(f"fit/{seed}/{step}").integers(2**63))
