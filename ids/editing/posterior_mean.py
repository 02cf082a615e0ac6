"""The posterior mean of the source against the timestep, on drawn or on refined noise."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.errors import ConfigError
from ids.core.protocols import NoiseRefiner, Schedule
from ids.core.records import Draw, Trace
from ids.diffusion import Guided
from ids.diffusion.ddim import times_of
from ids.diffusion.schedule import diffuse, predict_z0
from ids.methods import NoRefinement
from ids.methods.refiners.loop import norm


@dataclass(frozen=True)
class PosteriorMean:
    """z_0|t of the source under its prompt, at t = low, low + stride, ..., n_steps of them: the gap
    to z_src that FPR is to close (Kim et al. 2025). No edit, the target prompt is not used.

    One noise serves all timesteps of a source, so that along a curve t alone changes. The state
    after k steps is z_0|t at the k-th timestep: its metrics are curves against t, its image shows
    z_0|t.
    """

    low: int = 50
    stride: int = 50
    n_steps: int = 19
    guidance_scale: float = 7.5
    negative_prompt: str = ""
    fpr: NoiseRefiner = field(default_factory=NoRefinement)

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = True
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        for name in ("low", "stride", "n_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"method.{name}: expected 1 or more; got {getattr(self, name)}")

    @property
    def n_ticks(self) -> int:
        """One per timestep."""
        return self.n_steps

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """z_trg becomes z_0|t. Curves [n_steps, B]: `t`, `gap` (RMS of z_0|t - z_src) and
        `eps_star_moved` (RMS distance of the refined noise from the drawn one).
        """
        latents, s = require(subject, LatentSubject), context.backbone.schedule
        self._check(s)
        y = context.prompts(subject.cases, self.negative_prompt)
        eps_phi = Guided(context.backbone, y.null, self.guidance_scale)
        z_src = latents.z_src
        eps = context.rng.normal("eps", like=z_src)
        root_d = z_src[0].numel() ** 0.5
        curves: dict[str, list[Tensor]] = defaultdict(list)
        for step in range(self.n_steps):
            t = times_of(self.low + self.stride * step, z_src)
            draw, _ = self.fpr(eps_phi, z_src, y.src, Draw(t, eps, context.rng.at(step)))
            with torch.no_grad():
                z_t = diffuse(s, z_src, draw.eps, t)
                latents.z_trg.copy_(predict_z0(s, z_t, eps_phi(z_t, y.src, t), t))
                gap = norm(latents.z_trg - z_src) / root_d
                moved = norm(draw.eps - eps) / root_d
            for name, value in {"t": t, "gap": gap, "eps_star_moved": moved}.items():
                curves[name].append(value)
            context.progress.step()
        return Trace({name: torch.stack(values).cpu() for name, values in curves.items()})

    def _check(self, schedule: Schedule) -> None:
        last = self.low + self.stride * (self.n_steps - 1)
        if last >= schedule.n_timesteps:
            raise ConfigError(
                f"method.n_steps: expected the last timestep below {schedule.n_timesteps}, the "
                f"backbone's timesteps; got {last}; lower it, or method.stride"
            )
