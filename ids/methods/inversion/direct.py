"""Direct Inversion."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

from ids.core.edit import EditContext
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, check_grid, ddim_step, leading, times_of
from ids.diffusion.guidance import Guided
from ids.methods.inversion.ddim import invert_states
from ids.methods.inversion.inversion import InversionRequest, InversionResult

NO_TARGET = (
    "inversion.add_target: expected false for a method that samples no target beside its source; "
    "got true; set inversion.add_target=false, or method=p2p"
)


@dataclass(frozen=True)
class DirectInversion:
    """DDIM inversion, and a sampling whose source branch is put back onto the inverted states
    (Ju et al. 2024, Direct Inversion, PnP Inversion): guidance no longer drives it away, whatever
    its scale.

    After each sampling step, the source is moved by `share` of its distance to its state: 1
    restores it, 0 is plain DDIM inversion. The released code first samples source and target to
    compute these offsets; they are the distance itself, so here they cost nothing. Its ablations:
    `share` (not_full, no_offset), `every` k-th step alone (skip_step), `guidance_scale` of the
    inversion (vary; 1 is without), and `add_target`, which also adds to the target the offsets of a
    sampling under the target prompt (two more forwards per step).
    """

    n_steps: int = 50
    offset: int = 0
    guidance_scale: float = 1.0
    share: float = 1.0
    every: int = 1
    add_target: bool = False

    fits_null: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_grid("inversion", self.n_steps, self.offset)
        if not 0 <= self.share <= 1:
            raise ValueError(f"inversion.share: expected 0 to 1; got {self.share}")
        if self.every < 1:
            raise ValueError(f"inversion.every: expected 1 or more; got {self.every}")

    @property
    def n_ticks(self) -> int:
        """One per step, and one per step of the target's offsets."""
        return self.n_steps * (1 + self.add_target)

    def times(self, schedule: Schedule) -> Times:
        """Stable Diffusion's grid, noisiest first, 0 last."""
        return leading(self.n_steps, schedule.n_timesteps, self.offset)

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        """All states, and what the sampling is corrected by. `ConfigError` for `add_target` where
        no target is sampled.
        """
        if self.add_target and request.y_trg is None:
            raise ConfigError(NO_TARGET)
        times = self.times(context.backbone.schedule)
        eps_phi = Guided(context.backbone, request.y_null, self.guidance_scale)
        inverted = invert_states(eps_phi, z_src, request.y_src, times, context.progress)
        states = dict(inverted) | {0: z_src}
        pull = {t: self._share(step) for step, t in enumerate(times[:-1]) if self._share(step)}
        result = InversionResult(states, dict.fromkeys(times, request.y_null), pull)
        if not self.add_target:
            return result
        assert request.y_trg is not None
        push = {}
        for t, offset in self.offsets(context.backbone, result, request, request.y_trg):
            push[t] = offset
            context.progress.step()
        return replace(result, push=push)

    def offsets(
        self, backbone: Backbone, inverted: InversionResult, request: InversionRequest, y: Prompt
    ) -> Iterator[tuple[int, Latent]]:
        """By timestep t, what a sampling from the inverted noise under these prompts adds after the
        step from t to be pulled to the source's states.
        """
        times = self.times(backbone.schedule)
        z = inverted.states[times[0]]
        for t, below in pairwise(times):
            eps_phi = Guided(backbone, inverted.y_null[t], request.guidance_scale)
            moved = ddim_step(backbone.schedule, z, eps_phi(z, y, times_of(t, z)), t, below)
            z = inverted.pulled(moved, t, below)
            yield t, z - moved

    def _share(self, step: int) -> float:
        return 0.0 if step % self.every else self.share
