"""A stored network with the tokenizer of the recordings, whose attention maps are recorded."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.core.capabilities import Hook, Tokens
from ids.core.edit import EditContext
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, leading
from ids.methods.inversion import InversionRequest, InversionResult

BLOCKS = {"mid": "mid_block.attentions.0", "up4x4_first": "up_blocks.1.attentions.0"}
MAPS = {  # site -> its name in the recordings
    f"{block}.transformer_blocks.0.{attn}.probs": f"{name}_{kind}"
    for name, block in BLOCKS.items()
    for attn, kind in (("attn1", "self"), ("attn2", "cross"))
}


@dataclass
class Words:
    """The recordings' tokenizer: words of more than four letters in two pieces, ids in the order of
    first use.
    """

    known: dict[str, int] = field(default_factory=lambda: {"<s>": 0, "</s>": 1})

    def tokens(self, text: str) -> Tokens:
        pieces = [p for w in text.split(" ") for p in ([w[:3], w[3:]] if len(w) > 4 else [w])]
        ids = [self.known.setdefault(piece, len(self.known)) for piece in pieces]
        return Tokens((0, *ids, 1), tuple(pieces))


@dataclass(frozen=True)
class FakeTextBackbone:
    """Stored embeddings, chosen by which prompt a text is; tokens by the recordings' tokenizer."""

    backbone: LatentDiffusion
    prompts: Sequence[str]  # source, target
    words: Words = field(default_factory=Words)
    maps: dict[str, list[Tensor]] = field(default_factory=lambda: {site: [] for site in MAPS})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backbone, name)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        source = self.prompts[0]
        named = ["" if not t else "source" if t == source else "target" for t in texts]
        return self.backbone.prompt(named)

    def tokens(self, text: str) -> Tokens:
        return self.words.tokens(text)

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        return self.backbone.hooked(_Observed(hook, self.maps))


@dataclass(frozen=True)
class _Observed:
    """A hook whose maps are recorded at some sites, also if it does not change them."""

    hook: Any
    maps: dict[str, list[Tensor]]

    @property
    def sites(self) -> str:
        return str(self.hook.sites)

    def wants(self, site: str, n_queries: int) -> bool:
        return site in self.maps or self.hook.wants(site, n_queries)

    def __call__(self, site: str, h: Tensor) -> Tensor:
        if self.hook.wants(site, h.shape[2]):
            h = self.hook(site, h)
        if site in self.maps:
            self.maps[site].append(h.detach().flatten(0, 1).clone())
        return h


@dataclass(frozen=True)
class FromNoise:
    """The stored noise and the recordings' grid in place of an inversion."""

    z_T: Latent
    n_steps: int
    n_ticks: int = 0
    fits_null: bool = False

    def times(self, schedule: Schedule) -> Times:
        return leading(self.n_steps, schedule.n_timesteps, 0)

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        times = self.times(context.backbone.schedule)
        return InversionResult({times[0]: self.z_T}, dict.fromkeys(times, request.y_null))
