"""Delta velocity rectified flow."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.options import check_options
from ids.core.prompt import Prompts
from ids.core.records import Trace
from ids.core.tensors import Latent, Timestep, to_device
from ids.diffusion.guidance import Guided
from ids.diffusion.velocity import FlowGrid, check_start, flow_grid, mix

NOISIEST = 2  # the first place in the grid that random order draws


@dataclass(frozen=True)
class DVRF:
    """Delta velocity rectified flow (Beaudouin et al. 2025): gradient descent on the difference of
    the velocities, v_trg(z_t_trg) - v_src(z_t_src) + (1 - eta_i)(z_trg - z_src), averaged over
    `n_draws` draws. The target's state is shifted, z_t_trg = (1 - tau) z_trg + tau eps + eta_i tau
    (z_trg - z_src), with eta_i = `eta` i / `grid_size`. `eta` 0 is DDS times 1 / (1 - tau).

    Timesteps are those of a sampler of `grid_size` steps from `t_max` (None: the model's noisiest).
    `descending`: its last `n_steps`, whose numbers are i. `random`: drawn without its two noisiest
    and its last, i counts the steps. `lr` is a number, or the released schedule `custom`.
    """

    n_steps: int = 50
    grid_size: int = 50
    order: Literal["descending", "random"] = "descending"
    lr: float | Literal["custom"] = "custom"
    eta: float = 1.0
    n_draws: int = 1
    source_guidance_scale: float = 6.0
    guidance_scale: float = 16.5
    t_max: int | None = None
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False  # eta_i and the timestep depend on the grid
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("n_steps", "n_draws"):
            if getattr(self, name) < 1:
                raise ValueError(f"method.{name}: expected 1 or more; got {getattr(self, name)}")
        if self.lr != "custom" and not (isinstance(self.lr, int | float) and self.lr > 0):
            raise ValueError(f"method.lr: expected custom or a number above 0; got {self.lr!r}")
        least = max(2, self.n_steps) if self.order == "descending" else 4
        if self.grid_size < least:
            raise ValueError(
                f"method.grid_size: expected {least} or more in {self.order} order with "
                f"n_steps={self.n_steps}; got {self.grid_size}"
            )

    @property
    def n_ticks(self) -> int:
        """One per step."""
        return self.n_steps

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves. `ConfigError` for a start that the backbone lacks."""
        latents, backbone = require(subject, LatentSubject), context.backbone
        grid = flow_grid(backbone.schedule, self.grid_size, self.t_max, latents.z_src.device)
        first = self.grid_size - self.n_steps if self.order == "descending" else 0
        check_start(backbone, grid, first if self.order == "descending" else NOISIEST)
        y = context.prompts(subject.cases, self.negative_prompt)
        for step in range(first, first + self.n_steps):
            g = self._gradient(context, latents, y, grid, step)
            latents.z_trg.sub_(self.learning_rate(grid, step) * g)
            context.progress.step()
        return Trace()

    def learning_rate(self, grid: FlowGrid, step: int) -> float | Tensor:
        """`lr`, or the released hump with a rising tail, in units of the grid's last stride."""
        if not isinstance(self.lr, str):
            return self.lr
        stride = (grid.levels[-3] - grid.levels[-2]) / 1.6
        q = step / (self.grid_size + 27)
        hump = q**9 * (1 - q) ** 7 / ((9 / 16) ** 9 * (7 / 16) ** 7)
        return 2.2 * ((stride / 1.6 - stride / 4) * hump + stride / 4 * q)

    def _gradient(
        self, context: EditContext, subject: LatentSubject, y: Prompts, grid: FlowGrid, step: int
    ) -> Latent:
        backbone, z_src, z = context.backbone, subject.z_src, subject.z_trg.detach()
        source = Guided(backbone, y.null, self.source_guidance_scale)
        target = Guided(backbone, y.null, self.guidance_scale)
        eta, rng = self.eta * step / self.grid_size, context.rng.at(step)
        total = torch.zeros_like(z)
        for k in range(self.n_draws):
            name = f".{k}" if k else ""
            eps = rng.normal(f"eps{name}", like=z_src)
            at = self._index(context, step, f"t{name}", z)
            t, level = grid.t[at], grid.levels[at].view(-1, 1, 1, 1)
            v_src = source.velocity(mix(level, z_src, eps), y.src, t)
            z_t_trg = mix(level, z, eps) + eta * level * (z - z_src)
            total += target.velocity(z_t_trg, y.trg, t) - v_src
        return total / self.n_draws + (1 - eta) * (z - z_src)

    def _index(self, context: EditContext, step: int, name: str, z: Latent) -> Timestep:
        """The place in the grid of each row's draw."""
        if self.order == "descending":
            return torch.full((len(z),), step, device=z.device)
        drawn = context.rng.at(step).integers(name, NOISIEST, self.grid_size - 1)
        return to_device(drawn, z.device)
