"""Plug-and-Play diffusion features."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ids.core.capabilities import HookedBackbone, able
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.ddim import leading, move, times_of
from ids.methods.inversion import Inversion, Inverted

FOLLOWED = ("inversion", "reconstruction")


@dataclass(frozen=True)
class PlugAndPlay:
    """Sampling under the target prompt, with the source's features put in their place inside the
    network (Tumanyan et al. 2023, Alg. 1): what the convolutions at `conv_sites` give for the first
    `conv_share` of the steps, and the queries and keys of self-attention at `attention_sites` for
    the first `attention_share`.

    Each step asks for three rows a case: the source's state under `source_prompt`, and z under the
    negative and the target prompt. `followed`: the source's states are those of the inversion (the
    released code), or of its reconstruction, walked down alongside (PnPInversion's `ddim+pnp`).
    """

    inversion: Inversion
    conv_sites: str
    attention_sites: str
    conv_share: float = 0.8
    attention_share: float = 0.5
    n_steps: int = 50
    offset: int = 1
    guidance_scale: float = 7.5
    negative_prompt: str = "ugly, blurry, black, low res, unrealistic"
    source_prompt: str = ""
    followed: str = "inversion"

    random = False
    guided = True
    stoppable = False
    needs = (HookedBackbone,)

    def __post_init__(self) -> None:
        for name in ("conv_share", "attention_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.{name}: expected 0 to 1; got {getattr(self, name)}")
        if self.n_steps < 1:
            raise ValueError(f"method.n_steps: expected 1 or more; got {self.n_steps}")
        if self.followed not in FOLLOWED:
            raise ValueError(
                f"method.followed: expected one of {', '.join(FOLLOWED)}; got {self.followed!r}"
            )

    @property
    def ticks(self) -> int:
        return self.inversion.ticks + self.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        rows, s = len(subject.cases), backbone.schedule
        texts = [self.source_prompt] * rows + [self.negative_prompt] * rows
        y = backbone.prompt(texts + [case.prompt_trg for case in subject.cases])
        with torch.no_grad():
            sources = [case.prompt_src for case in subject.cases]
            inverted = self.inversion(backbone, subject.z_src, sources, progress)
            times = leading(self.n_steps, s.n_timesteps, self.offset)
            z = z_source = self._state(inverted, times[0])
            for index, (t, below) in enumerate(pairwise(times)):
                with self._injecting(backbone, index):
                    z_t = torch.cat([z_source, z, z])
                    eps = backbone.eps(z_t, y, times_of(t, z_t))
                eps_source, eps_neg, eps_trg = eps.chunk(3)
                z = move(s, z, eps_neg + self.guidance_scale * (eps_trg - eps_neg), t, below)
                z_source = (
                    self._state(inverted, below)
                    if self.followed == "inversion"
                    else move(s, z_source, eps_source, t, below)
                )
                progress.step()
            subject.z_trg.copy_(z)
        return Trace()

    @contextmanager
    def _injecting(self, backbone: Backbone, step: int) -> Iterator[None]:
        """The hooks of this step; none once their share of the steps is over."""
        shares = {self.conv_sites: self.conv_share, self.attention_sites: self.attention_share}
        with ExitStack() as stack:
            for sites, share in shares.items():
                if step < int(share * self.n_steps + 1e-6):  # 0.58 * 50 is 28.999...
                    hook = FromSource(sites)
                    stack.enter_context(able(backbone, HookedBackbone).hooked(hook))
            yield

    def _state(self, inverted: Inverted, t: int) -> Latent:
        if t not in inverted.states:
            raise ConfigError(
                f"method.n_steps: expected timesteps that the inversion passes; {t} is none of its "
                f"{len(inverted.times) - 1}; make them equal, or inversion.n_steps=999"
            )
        return inverted.states[t]


@dataclass(frozen=True)
class FromSource:
    """Puts the first third of the rows, the sources', in place of the other two."""

    sites: str

    def __call__(self, site: str, h: Tensor) -> Tensor:
        return h[: len(h) // 3].repeat(3, *[1] * (h.ndim - 1))
