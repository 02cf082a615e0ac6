"""Plug-and-Play diffusion features."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ids.core.capabilities import HookedBackbone, require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.errors import ConfigError
from ids.core.options import check_options
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.records import Trace
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, check_grid, ddim_states, ddim_step, leading, times_of
from ids.diffusion.guidance import Guided, guide
from ids.methods.editors.start import Start, invert
from ids.methods.inversion.ddim import DDIMInversion, SourcePrompt, source_prompt


@dataclass(frozen=True)
class PlugAndPlay:
    """Sampling under the target prompt with features of the source injected into the network
    (Tumanyan et al. 2023, Alg. 1): the outputs of the convolutions at `conv_sites` in the first
    `conv_share` of the `n_steps`, and the queries and keys of self-attention at `attention_sites`
    in the first `attention_share`.

    A step has three samples per case: the source's state under the empty or the source prompt
    (`source_prompt`), and z under the negative and the target prompt. `followed`: the source's
    states are those of the inversion (the released code), or those of its reconstruction, sampled
    beforehand under the inversion's prompt.
    """

    inversion: DDIMInversion
    conv_sites: str
    attention_sites: str
    conv_share: float = 0.8
    attention_share: float = 0.5
    n_steps: int = 50
    guidance_scale: float = 7.5
    negative_prompt: str = "ugly, blurry, black, low res, unrealistic"
    source_prompt: SourcePrompt = "empty"
    followed: Literal["inversion", "reconstruction"] = "inversion"

    uses_seed: ClassVar[bool] = False
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False
    needs: ClassVar[tuple[type, ...]] = (HookedBackbone, LatentSubject)

    def __post_init__(self) -> None:
        if not isinstance(self.inversion, DDIMInversion):
            raise ValueError(
                f"inversion: expected ddim for method=pnp, which samples under its negative "
                f"prompt; got {type(self.inversion).__name__}; take inversion=ddim"
            )
        for name in ("conv_share", "attention_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.{name}: expected 0 to 1; got {getattr(self, name)}")
        check_grid("method", self.n_steps, self.inversion.offset)
        check_options(self)

    @property
    def n_ticks(self) -> int:
        """Those of the inversion, and one per sampling step."""
        return self.inversion.n_ticks + self.n_steps

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves."""
        latents, backbone = require(subject, LatentSubject), context.backbone
        times = self._times(backbone.schedule)
        start = invert(self, context, latents, wanted=times)
        followed = self._followed(backbone, start, times)
        y_src = source_prompt(self.source_prompt, start.y.src, backbone)
        y = Prompt.cat([y_src, start.y.null, start.y.trg])
        z = followed[times[0]]
        for step, (t, below) in enumerate(pairwise(times)):
            z_t = torch.cat([followed[t], z, z])
            with self._injecting(backbone, step):
                _, eps_neg, eps_trg = backbone.eps(z_t, y, times_of(t, z_t)).chunk(3)
            eps = guide(eps_neg, eps_trg, self.guidance_scale)
            z = ddim_step(backbone.schedule, z, eps, t, below)
            context.progress.step()
        latents.z_trg.copy_(z)
        return Trace()

    def _times(self, schedule: Schedule) -> Times:
        """The sampling timesteps. `ConfigError` if the inversion has no state at one of them."""
        times = leading(self.n_steps, schedule.n_timesteps, self.inversion.offset)
        if missing := set(times) - set(self.inversion.times(schedule)):
            raise ConfigError(
                f"method.n_steps: expected timesteps that the inversion passes; of its "
                f"{self.inversion.n_steps} none is {max(missing)}; make them equal, or "
                f"inversion.n_steps={schedule.n_timesteps - 1}"
            )
        return times

    def _followed(self, backbone: Backbone, start: Start, times: Times) -> Mapping[int, Latent]:
        """The source's state at each sampling timestep."""
        if self.followed == "inversion":
            return start.states
        y = source_prompt(self.inversion.prompt, start.y.src, backbone)
        top = start.states[times[0]]
        states = ddim_states(Guided(backbone, y, guidance_scale=1.0), top, y, times)
        return dict(zip(times, [top, *states], strict=True))

    @contextmanager
    def _injecting(self, backbone: Backbone, step: int) -> Iterator[None]:
        """The hooks of this step; none once their share of the steps is over."""
        shares = {self.conv_sites: self.conv_share, self.attention_sites: self.attention_share}
        with ExitStack() as stack:
            for sites, share in shares.items():
                if step < int(share * self.n_steps):
                    hook = FromSource(sites)
                    stack.enter_context(require(backbone, HookedBackbone).hooked(hook))
            yield


@dataclass(frozen=True)
class FromSource:
    """A hook that replaces all rows by the first third of them, the sources'."""

    sites: str

    def __call__(self, site: str, h: Tensor) -> Tensor:
        """Of [3B, ...], its first B rows three times."""
        return h[: len(h) // 3].repeat(3, *[1] * (h.ndim - 1))
