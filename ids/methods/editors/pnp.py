"""Plug-and-Play diffusion features."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ids.core.capabilities import HookedBackbone, require
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Progress, Schedule, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, checked_grid, ddim_states, ddim_step, leading, times_of
from ids.diffusion.guidance import Guided
from ids.methods.inversion.ddim import PROMPTS, DDIMInversion, InversionRequest, told

FOLLOWED = ("inversion", "reconstruction")


@dataclass(frozen=True)
class PlugAndPlay:
    """Sampling under the target prompt, with the source's features put in their place inside the
    network (Tumanyan et al. 2023, Alg. 1): what the convolutions at `conv_sites` give for the first
    `conv_share` of the `n_steps`, and the queries and keys of self-attention at `attention_sites`
    for the first `attention_share`.

    Each step asks for three rows a case: the source's state, told nothing or its prompt
    (`source_prompt`), and z under the negative and the target prompt. `followed`: the source's
    states are those of the inversion (the released code), or those of its reconstruction, sampled
    down beforehand under the inversion's prompt.
    """

    inversion: DDIMInversion
    conv_sites: str
    attention_sites: str
    conv_share: float = 0.8
    attention_share: float = 0.5
    n_steps: int = 50
    guidance_scale: float = 7.5
    negative_prompt: str = "ugly, blurry, black, low res, unrealistic"
    source_prompt: str = "empty"
    followed: str = "inversion"

    uses_seed = False
    uses_prompts = True
    anytime = False
    needs = (HookedBackbone,)

    def __post_init__(self) -> None:
        if not isinstance(self.inversion, DDIMInversion):
            raise ValueError(
                f"inversion: expected ddim for method=pnp, which comes down under its negative "
                f"prompt; got {type(self.inversion).__name__}; take inversion=ddim"
            )
        for name in ("conv_share", "attention_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.{name}: expected 0 to 1; got {getattr(self, name)}")
        checked_grid("method", self.n_steps, self.inversion.offset)
        for name, options in {"source_prompt": PROMPTS, "followed": FOLLOWED}.items():
            if getattr(self, name) not in options:
                raise ValueError(
                    f"method.{name}: expected one of {', '.join(options)}; "
                    f"got {getattr(self, name)!r}"
                )

    @property
    def n_ticks(self) -> int:
        return self.inversion.n_ticks + self.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        times = self._times(backbone.schedule)
        texts = [case.prompt_src for case in subject.cases]
        y_neg = backbone.prompt([self.negative_prompt] * len(texts))
        y_trg = backbone.prompt([case.prompt_trg for case in subject.cases])
        y = Prompt.cat([backbone.prompt(told(self.source_prompt, texts)), y_neg, y_trg])
        with torch.no_grad():
            request = InversionRequest(texts, self.guidance_scale, y_neg, times)
            inverted = self.inversion(backbone, subject.z_src, request, progress)
            followed = self._followed(backbone, inverted.states, times, texts)
            z = followed[times[0]]
            for step, (t, below) in enumerate(pairwise(times)):
                z_t = torch.cat([followed[t], z, z])
                with self._injecting(backbone, step):
                    _, eps_neg, eps_trg = backbone.eps(z_t, y, times_of(t, z_t)).chunk(3)
                eps = eps_neg + self.guidance_scale * (eps_trg - eps_neg)
                z = ddim_step(backbone.schedule, z, eps, t, below)
                progress.step()
            subject.z_trg.copy_(z)
        return Trace()

    def _times(self, schedule: Schedule) -> Times:
        """`ConfigError`, before anything is paid for, where the inversion passes others."""
        times = leading(self.n_steps, schedule.n_timesteps, self.inversion.offset)
        if missing := set(times) - set(self.inversion.times(schedule)):
            raise ConfigError(
                f"method.n_steps: expected timesteps that the inversion passes; of its "
                f"{self.inversion.n_steps} none is {max(missing)}; make them equal, or "
                f"inversion.n_steps={schedule.n_timesteps - 1}"
            )
        return times

    def _followed(
        self,
        backbone: Backbone,
        states: Mapping[int, Latent],
        times: Times,
        texts: Sequence[str],
    ) -> Mapping[int, Latent]:
        """The source's state at each timestep."""
        if self.followed == "inversion":
            return states
        y, top = backbone.prompt(told(self.inversion.prompt, texts)), states[times[0]]
        down = ddim_states(Guided(backbone, y, guidance_scale=1.0), top, y, times)
        return dict(zip(times, [top, *down], strict=True))

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
    """Puts the first third of the rows, the sources', in place of the other two."""

    sites: str

    def __call__(self, site: str, h: Tensor) -> Tensor:
        return h[: len(h) // 3].repeat(3, *[1] * (h.ndim - 1))
