"""The gradient of a loss on latents of a view in the parameters of its scene, in two passes: the
view is rendered without a graph, and again part by part with one. Memory does not grow with the
view's size, and the loop of an edit needs no change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Camera
from ids.core.tensors import Image, Images, Latent
from ids.scenes.model import (
    Pixels,
    Render,
    Rendered,
    SceneModel,
    parts,
    render_view,
)

Encode = Callable[[Images], Latent]
Decode = Callable[[Latent], Images]
LATENT_STEP = 0.2  # learning rate at which the decoder's change is taken
TRIAL = 0.01  # largest change of a parameter in the trial of a direction
NEAR = 0.1  # change of a parameter up to which the trial decides
SHARE = 0.1  # least part of the decrease that the slope promises (Armijo's condition)
TINY = 1e-30  # squared norms up to it are 0


@dataclass(frozen=True)
class Replay:
    """Keeps distances: `weight` times their squared change from those `before`, [pixels]."""

    before: Tensor
    weight: float

    def __call__(self, render: Render, pixels: Pixels) -> Tensor:
        """The loss, summed over these pixels."""
        return self.weight * (render.distance - self.before[pixels]).square().sum()

    def loss(self, distance: Float[Tensor, "H W"]) -> Tensor:
        """The loss of a whole view."""
        return self.weight * (distance.flatten() - self.before).square().sum()


@dataclass(frozen=True)
class DecoderUpdate:
    """A descent step moves the view as the decoder's image moves when the latent takes that step;
    `rates` are the factors of the learning rate, by parameter group.

    For the view I(theta), its latent z, the latent gradient g and the decoder D, the change wanted
    of the pixels per unit of learning rate is d = [D(z) - D(z - s g)] / s, the derivative of D
    along g (s = `LATENT_STEP`). With J = dI/dtheta and the direction p = rates J^T d, the gradient
    of 1/2 |I - (I - d)|^2 times the rates, the optimizer gets a J^T d, where

        a = <d, J p> / |J p|^2.

    With SGD of learning rate lr the view moves, to first order, by lr a J p: of all lengths of p
    the one nearest to lr d in least squares (Cauchy's step), so |d - a J p| <= |d| for every scene,
    and units of parameters do not matter. The learning rate is that of latents. J p is measured by
    one more render. The encoder's transpose, in contrast, moves pixels along patterns that change
    latents most and images least.

    Where a scene hardly responds, a is long, and first order does not hold. So a |J p| <= |d|, no
    response is no step, and a step that moves a parameter by more than `NEAR` is rendered and cut
    to a quarter until it, too, brings the view nearer to what is wanted.
    """

    decode: Decode
    rates: Mapping[str, float]

    @torch.no_grad()
    def wanted(self, z: Latent, gradient: Latent) -> Images:
        """d, [1, 3, H, W]: exactly 0 for no gradient. As a difference of decoded images it is free
        of the autoencoder's error.
        """
        return (self.decode(z) - self.decode(z - LATENT_STEP * gradient)) / LATENT_STEP

    def __call__(self, seen: "Seen", view: Rendered, z: Latent, gradient: Latent) -> list[Tensor]:
        """The gradient in each parameter of the scene."""
        wanted = self.wanted(z, gradient).to(view.image)
        found = seen.gradients(wanted)
        rates = [self.rates.get(g.name, 1.0) for g in seen.model.groups() for _ in g.parameters]
        direction = [rate * g for rate, g in zip(rates, found, strict=True)]
        slope = sum(((p * g).sum() for p, g in zip(direction, found, strict=True)), torch.zeros(()))
        length = _Search(seen, view, wanted[0], direction, slope).length()
        return [length * g for g in found]


@dataclass(frozen=True)
class _Search:
    """The length of a step against a `direction` p of the parameters, along which the squares of
    what is `wanted` of the `view`, and of a replay as one more residual, fall by `slope`.
    """

    seen: "Seen"
    view: Rendered
    wanted: Image
    direction: Sequence[Tensor]
    slope: Tensor

    @torch.no_grad()
    def length(self) -> Tensor:
        """a; 0 where the view does not respond."""
        largest = torch.stack([p.abs().max() for p in self.direction]).max()
        trial = TRIAL / largest.clamp(min=TINY)
        after = self._moved(trial)
        change = ((self.view.image - after.image) / trial).square().sum()
        left = self.wanted.square().sum()
        if replay := self.seen.replay:
            moved = ((self.view.distance - after.distance) / trial).square().sum()
            change = change + 2 * replay.weight * moved
            left = left + 2 * replay.loss(self.view.distance)
        if not change > TINY:
            return torch.zeros_like(change)
        length = torch.minimum(self.slope / change, (left / change).sqrt())
        while length * largest > NEAR and not self._is_nearer(length):
            length = length / 4
        return length

    def _is_nearer(self, length: Tensor) -> bool:
        """Do the residuals fall by a share of what the slope promises?"""
        after = self._moved(length)
        change = after.image - self.view.image
        fall = -(change * (self.wanted + change / 2)).sum()
        if replay := self.seen.replay:
            fall = fall + replay.loss(self.view.distance) - replay.loss(after.distance)
        return bool(fall >= SHARE * length * self.slope)

    def _moved(self, length: Tensor) -> Rendered:
        with _moved(self.seen.parameters, self.direction, -length):
            return self.seen.view()


@dataclass(frozen=True)
class Seen:
    """A view of a scene under edit: rays are rendered `chunk` at a time; a `replay` of them is
    added to the loss. Latent gradients reach the parameters through the encoder, or by an `update`.
    """

    model: SceneModel
    camera: Camera
    encode: Encode
    chunk: int
    replay: Replay | None = None
    update: DecoderUpdate | None = None

    @property
    def parameters(self) -> list[Tensor]:
        """Of the scene, in the order of its groups."""
        return [p for group in self.model.groups() for p in group.parameters]

    def view(self) -> Rendered:
        """The view as it is now, without a gradient."""
        return render_view(self.model, self.camera, self.chunk)

    def latent(self) -> Latent:
        """The view's latent, differentiable in the scene's parameters where gradients are on."""
        if not torch.is_grad_enabled():
            return self.encode(self.view().image[None])
        latent: Latent = _PullBack.apply(self, *self.parameters)
        return latent

    def gradients(self, image_gradient: Images) -> list[Tensor]:
        """The second pass: the gradient in each parameter, of one in the view's pixels."""
        parameters = self.parameters
        totals = [torch.zeros_like(p) for p in parameters]
        flat = image_gradient[0].permute(1, 2, 0).reshape(-1, 3)
        for pixels in parts(self.camera, self.chunk):
            with torch.enable_grad():
                render = self.model.render(self.camera, pixels)
                loss = (render.rgb * flat[pixels]).sum()
                if self.replay:
                    loss = loss + self.replay(render, pixels)
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            for total, gradient in zip(totals, found, strict=True):
                if gradient is not None:
                    total += gradient
        return totals


class _PullBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, seen: Seen, *parameters: Tensor) -> Latent:
        view = seen.view()
        image = view.image[None].requires_grad_(seen.update is None)
        with torch.enable_grad():
            z = seen.encode(image)
        ctx.seen, ctx.view, ctx.image, ctx.z = seen, view, image, z
        return z.detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Latent) -> tuple[Tensor | None, ...]:
        seen = ctx.seen
        if seen.update:
            return None, *seen.update(seen, ctx.view, ctx.z, gradient)
        (image_gradient,) = torch.autograd.grad(ctx.z, ctx.image, gradient)
        del ctx.z
        return None, *seen.gradients(image_gradient)


@contextmanager
def _moved(parameters: Sequence[Tensor], direction: Sequence[Tensor], by: Tensor) -> Iterator[None]:
    """The parameters, moved within the block; exactly the same again after it."""
    kept = [p.clone() for p in parameters]
    for p, step in zip(parameters, direction, strict=True):
        p.add_(by * step)
    try:
        yield
    finally:
        for p, was in zip(parameters, kept, strict=True):
            p.copy_(was)


def learning_groups(model: SceneModel, rates: Mapping[str, float]) -> Sequence[dict[str, Any]]:
    """The model's groups for a torch optimizer, each with the factor of its learning rate; those of
    factor 0 are left out.
    """
    return [
        {"params": list(group.parameters), "rate": rates.get(group.name, 1.0)}
        for group in model.groups()
        if rates.get(group.name, 1.0)
    ]
