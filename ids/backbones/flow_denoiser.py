"""A rectified-flow transformer as a denoiser."""

from dataclasses import dataclass, field
from functools import cached_property

import torch

from ids.core.prompt import Prompt
from ids.core.tensors import Latent, Timestep
from ids.diffusion.schedule import Flow

POOLED = "pooled"  # the name, in a prompt, of the pooled embedding


@dataclass(frozen=True)
class FlowDenoiser:
    """A diffusers SD3Transformer2DModel, which predicts the velocity eps - z_0 at a noise level of
    sigma, given as 1000 sigma.
    """

    transformer: torch.nn.Module = field(repr=False)
    schedule: Flow

    def velocity(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """v(z_t, y, t), in the type of z_t."""
        level = self.schedule.sigma(t).flatten() * self.schedule.n_timesteps
        v: Latent = self.transformer(
            hidden_states=z_t.to(self._dtype),
            encoder_hidden_states=y.embedding.to(self._dtype),
            pooled_projections=y.extra[POOLED].to(self._dtype),
            timestep=level,
            return_dict=False,
        )[0]
        return v.to(z_t.dtype)

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """eps(z_t, y, t) = z_t + (1 - sigma) v."""
        return z_t + self.schedule.alpha(t) * self.velocity(z_t, y, t)

    @cached_property
    def _dtype(self) -> torch.dtype:
        return next(self.transformer.parameters()).dtype
