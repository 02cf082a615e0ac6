"""A network as the reference loops call it."""

import copy
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn

from ids.core.capabilities import PosteriorSchedule, require
from ids.core.protocols import Schedule
from ids.core.tensors import Latent, Timestep
from ids.editing import NFE

KEPT = "up_blocks.*.attn1"  # the layers whose outputs CDS compares


@dataclass(frozen=True)
class Network:
    """A UNet, the tables of its scheduler, and the count of its evaluations.

    `waits`: the host waits for the device as in the released code, which looks at every noise
    prediction and every loss, and keeps features on the CPU.
    """

    unet: Any = field(repr=False)
    alpha_bar: Tensor = field(repr=False)
    steps: Tensor = field(repr=False)  # alpha and beta of single steps, [2, T]
    latent_dtype: torch.dtype
    waits: bool
    outputs: dict[str, Tensor] = field(default_factory=dict, repr=False)  # of the layers `KEPT`
    nfe: NFE = field(default_factory=NFE)

    def noise(self, z_t: Latent, embedding: Tensor, t: Timestep) -> Latent:
        """The noise prediction of each row."""
        self.nfe.forwards += len(z_t)
        if z_t.requires_grad and torch.is_grad_enabled():
            z_t.register_hook(self.nfe.count_backward)
        dtype = self.unet.dtype
        out: Tensor = self.unet(
            z_t.to(dtype), t, encoder_hidden_states=embedding.to(dtype), return_dict=False
        )[0].to(z_t.dtype)
        if self.waits and not bool(out.isfinite().all()):
            raise FloatingPointError("noise prediction: expected finite numbers; got others")
        return out

    def coefficients(self, t: Timestep) -> tuple[Tensor, Tensor]:
        """sqrt(alpha_bar) and sqrt(1 - alpha_bar), [B, 1, 1, 1]."""
        bar = self._at(self.alpha_bar, t)
        return bar.sqrt(), (1 - bar).sqrt()

    def single_step(self, t: Timestep) -> tuple[Tensor, Tensor]:
        """alpha and beta of the single step to t, [B, 1, 1, 1]."""
        alphas, betas = self.steps
        return self._at(alphas, t), self._at(betas, t)

    def diffuse(self, z_0: Latent, eps: Latent, t: Timestep) -> Latent:
        """alpha z_0 + sigma eps."""
        alpha, sigma = self.coefficients(t)
        return alpha * z_0 + sigma * eps

    def posterior_mean(self, z_t: Latent, eps: Latent, t: Timestep) -> Latent:
        """(z_t - sigma eps) / alpha."""
        if self.waits and not bool(t >= 0):
            raise ValueError(f"timestep: expected 0 or more; got {t}")
        alpha, sigma = self.coefficients(t)
        return (z_t - sigma * eps) / alpha

    def maps(self, row: int) -> dict[str, Tensor]:
        """The latest outputs of the layers `KEPT`, of one row, with their graph."""
        return {site: h[row : row + 1] for site, h in self.outputs.items()}

    def kept_maps(self, row: int) -> dict[str, Tensor]:
        """The same without their graph; on the CPU if the network waits."""
        maps = {site: h.detach() for site, h in self.maps(row).items()}
        return {site: h.cpu() for site, h in maps.items()} if self.waits else maps

    def show(self, loss: Tensor) -> None:
        """The number of a progress bar."""
        if self.waits:
            loss.item()

    def _at(self, table: Tensor, t: Timestep) -> Tensor:
        return table.to(t.device, self.latent_dtype)[t].view(-1, 1, 1, 1)


def tables_of(schedule: Schedule, device: torch.device) -> tuple[Tensor, Tensor]:
    """alpha_bar [T], and alpha and beta of single steps [2, T], as the schedule has them."""
    t = torch.arange(schedule.n_timesteps, device=device)
    alpha_bar = schedule.alpha(t).flatten().square()
    step = require(schedule, PosteriorSchedule).transition(t[1:], t[:-1])
    first = torch.stack([alpha_bar[:1], 1 - alpha_bar[:1]])
    later = torch.stack([step.alpha.flatten(), step.beta.flatten()])
    return alpha_bar, torch.cat([first, later], dim=1)


def shared_copy(unet: nn.Module, trainable: str = "") -> Any:
    """A copy of the modules on the same memory; parameters whose name matches the glob `trainable`
    require a gradient.
    """
    memory: dict[int, Any] = {id(b): b for b in unet.buffers()}
    for name, p in unet.named_parameters():
        memory[id(p)] = nn.Parameter(p.detach(), requires_grad=fnmatch(name, trainable))
    return copy.deepcopy(unet, memory).eval()


def is_kept(name: str) -> bool:
    """Is it a layer whose output CDS compares?"""
    return fnmatch(name, KEPT)
