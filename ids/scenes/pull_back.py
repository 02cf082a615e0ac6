"""The gradient of a loss on latents of a view in the parameters of its scene, in two passes: the
view is rendered without a graph, and again part by part with one. Memory does not grow with the
view's size, and the loop of an edit needs no change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ids.core.camera import Camera
from ids.core.tensors import Images, Latent
from ids.scenes.model import Pixels, Render, SceneModel, image_of, parts, render_view

Penalty = Callable[[Render, Pixels], Tensor]
Encode = Callable[[Images], Latent]
Decode = Callable[[Latent], Images]


@dataclass(frozen=True)
class DecodedStep:
    """Moves a view as the decoder's image moves when its latent takes a step of `size`.

    The encoder's transpose moves pixels along patterns that change latents most and images least;
    the decoder's images are what latents stand for. The target is a difference of two decoded
    images: one that is absolute lets the autoencoder's error grow from step to step.
    """

    decode: Decode
    size: float

    @torch.no_grad()
    def __call__(self, image: Images, z: Latent, gradient: Latent) -> Images:
        """What a descent subtracts from the pixels, [1, 3, H, W]: 0 for no gradient."""
        return (self.decode(z) - self.decode(z - self.size * gradient)).to(image)


@dataclass(frozen=True)
class Seen:
    """A view of a scene under edit: rays are rendered `chunk` at a time; a `penalty` of them is
    added to the loss. Latent gradients reach the pixels through the encoder, or by a `step`.
    """

    model: SceneModel
    camera: Camera
    encode: Encode
    chunk: int
    penalty: Penalty | None = None
    step: DecodedStep | None = None

    @property
    def parameters(self) -> list[Tensor]:
        """Of the scene, in the order of its groups."""
        return [p for group in self.model.groups() for p in group.parameters]

    def image(self) -> Images:
        """The view as it is now, [1, 3, H, W], without a gradient."""
        return render_view(self.model, self.camera, self.chunk).image[None]

    def latent(self) -> Latent:
        """The view's latent, differentiable in the scene's parameters where gradients are on."""
        if not torch.is_grad_enabled():
            return self.encode(self.image())
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
                if self.penalty:
                    loss = loss + self.penalty(render, pixels)
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            for total, gradient in zip(totals, found, strict=True):
                if gradient is not None:
                    total += gradient
        return totals

    def one_graph(self) -> Latent:
        """The latent through one graph of the whole view, as a reference: it needs memory for all
        rays at once, and has no penalty.
        """
        return self.encode(image_of(self.model.render(self.camera).rgb, self.camera)[None])


class _PullBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, seen: Seen, *parameters: Tensor) -> Latent:
        image = seen.image().requires_grad_(seen.step is None)
        with torch.enable_grad():
            z = seen.encode(image)
        ctx.seen, ctx.image, ctx.z = seen, image, z
        return z.detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Latent) -> tuple[Tensor | None, ...]:
        step = ctx.seen.step
        if step:
            image_gradient = step(ctx.image, ctx.z, gradient)
        else:
            (image_gradient,) = torch.autograd.grad(ctx.z, ctx.image, gradient)
        del ctx.z
        return None, *ctx.seen.gradients(image_gradient)


def learning_groups(model: SceneModel, rates: Mapping[str, float]) -> Sequence[dict[str, Any]]:
    """The model's groups for a torch optimizer, each with the factor of its learning rate; those of
    factor 0 are left out.
    """
    return [
        {"params": list(group.parameters), "rate": rates.get(group.name, 1.0)}
        for group in model.groups()
        if rates.get(group.name, 1.0)
    ]
