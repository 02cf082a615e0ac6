"""Prompt-to-Prompt."""

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.capabilities import HookedBackbone, TokenBackbone, Tokens, able
from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import EditCase, Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.ddim import move, times_of
from ids.methods import p2p_words
from ids.methods.inversion import Inversion
from ids.methods.local_blend import LocalBlend

WORDS = ("refine", "replace")
Probs = Float[Tensor, "rows heads queries keys"]


@dataclass(frozen=True)
class PromptToPrompt:
    """Sampling source and target side by side, the target's attention made of the source's (Hertz
    et al. 2022; the released controllers, in the settings of the PIE benchmark).

    Cross-attention for the first `cross_share` of the steps: each target token takes the map of the
    source token it is aligned with (`words` refine), or swapped for (replace); new words keep their
    own. A case's `word_weights` scale the maps of their words, and `blend_weight` those of its
    target blend words. Self-attention for the first `self_share`, on maps whose side is at most
    `self_side` of the latent's. Where a case has blend words, `blend` keeps the target's latent to
    the places that they attend to.
    """

    inversion: Inversion
    blend: LocalBlend
    words: str = "refine"
    cross_share: float = 0.4
    self_share: float = 0.6
    self_side: float = 0.5
    blend_weight: float = 2.0
    guidance_scale: float = 7.5
    negative_prompt: str = ""

    random = False
    guided = True
    stoppable = False
    needs = (HookedBackbone, TokenBackbone)

    def __post_init__(self) -> None:
        if self.words not in WORDS:
            raise ValueError(
                f"method.words: expected one of {', '.join(WORDS)}; got {self.words!r}"
            )
        for name in ("cross_share", "self_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.{name}: expected 0 to 1; got {getattr(self, name)}")

    @property
    def ticks(self) -> int:
        return self.inversion.ticks + self.inversion.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        texts = [case.prompt_src for case in subject.cases]
        texts += [case.prompt_trg for case in subject.cases]
        y_null, y = backbone.prompt([self.negative_prompt] * len(texts)), backbone.prompt(texts)
        with torch.no_grad():
            inverted = self.inversion(
                backbone, subject.z_src, texts[: len(subject.cases)], progress
            )
            control = self.control(backbone, subject, y.shape[1], len(inverted.times) - 1)
            z = inverted.states[inverted.times[0]].repeat(2, 1, 1, 1)
            for step, (t, below) in enumerate(pairwise(inverted.times)):
                control.step = step
                null = inverted.y_null.get(t)
                nulls = y_null if null is None else null.repeat(2, *[1] * (null.ndim - 1))
                with able(backbone, HookedBackbone).hooked(control):
                    both = backbone.eps(
                        z.repeat(2, 1, 1, 1), torch.cat([nulls, y]), times_of(t, z).repeat(2)
                    )
                eps_null, eps_y = both.chunk(2)
                eps = eps_null + self.guidance_scale * (eps_y - eps_null)
                z = control.blended(move(backbone.schedule, z, eps, t, below))
                progress.step()
            subject.z_trg.copy_(z.chunk(2)[1])
        return Trace()

    def control(
        self, backbone: Backbone, subject: Subject, n_tokens: int, n_steps: int
    ) -> "Control":
        """What is done to the attention of these cases."""
        plans = [self._plan(backbone, case, n_tokens, n_steps) for case in subject.cases]
        mix, own, factor, taken, marked = (
            torch.stack(parts).to(subject.z_src) for parts in zip(*plans, strict=True)
        )
        height, width = subject.z_src.shape[-2:]
        limit = int(height * self.self_side + 0.5) * int(width * self.self_side + 0.5)
        until = int(self.self_share * n_steps)
        return Control(
            mix,
            own,
            factor,
            taken.transpose(0, 1),
            marked,
            until,
            limit,
            self.blend,
            (height, width),
        )

    def _plan(
        self, backbone: Backbone, case: EditCase, n: int, n_steps: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        tokens = able(backbone, TokenBackbone).tokens
        (src, x), (trg, y) = ((text, tokens(text)) for text in (case.prompt_src, case.prompt_trg))
        blend_src, blend_trg = case.blend_words or ("", "")
        emphasis = dict.fromkeys(blend_trg.split(), self.blend_weight) | dict(case.word_weights)
        mix, own = self._words((src, x), (trg, y), n)
        marked = [p2p_words.marked(blend_src, src, x, n), p2p_words.marked(blend_trg, trg, y, n)]
        taken = p2p_words.shares(self.cross_share, trg, y, n_steps, n)
        return mix, own, p2p_words.weights(emphasis, trg, y, n), taken, torch.stack(marked)

    def _words(
        self,
        source: tuple[str, Tokens],
        target: tuple[str, Tokens],
        n: int,
    ) -> tuple[Tensor, Tensor]:
        """A target map as source maps @ mix + own * the target's own."""
        if self.words == "replace":
            return p2p_words.replacement(source, target, n), torch.zeros(n)
        mapper, aligned = p2p_words.refinement(source[1], target[1], n)
        mix = torch.zeros(n, n)
        mix[mapper.clamp_min(0), torch.arange(n)] = aligned
        return mix, 1 - aligned


@dataclass
class Control:
    """The hook of a whole edit. Rows are null source, null target, source, target, B cases each;
    the last are edited.
    """

    mix: Float[Tensor, "B L L"]
    own: Float[Tensor, "B L"]
    factor: Float[Tensor, "B L"]
    taken: Float[Tensor, "steps B L"]
    marked: Float[Tensor, "B 2 L"]
    self_until: int
    self_limit: int
    blend: LocalBlend
    size: tuple[int, int]
    step: int = 0
    attended: list[Tensor] = field(default_factory=list)  # what blend words attend to, so far

    sites = "*.attn1.probs *.attn2.probs"

    def wants(self, site: str, n_queries: int) -> bool:
        if site.endswith("attn1.probs"):
            return self.step < self.self_until and n_queries <= self.self_limit
        return bool(self.taken[self.step].any()) or self._blends(n_queries)

    def __call__(self, site: str, h: Probs) -> Probs:
        null_src, null_trg, source, target = h.chunk(4)
        if site.endswith("attn1.probs"):
            target = source
        else:
            target = self._crossed(source, target)
            if self._blends(h.shape[2]):
                self.attended.append(self._seen(source, target))
        return torch.cat([null_src, null_trg, source, target])

    def blended(self, z: Latent) -> Latent:
        """Source and target latents, the target kept to where blend words look."""
        if not self.attended:
            return z
        self.attended = [torch.stack(self.attended).sum(0)]
        n_steps = len(self.taken) - 1
        return self.blend(z, self.attended[0], self.step, n_steps, self.marked.any(2).all(1))

    def _crossed(self, source: Probs, target: Probs) -> Probs:
        mixed = torch.einsum("bhqs,bst->bhqt", source, self.mix.to(source))
        own, factor, taken = (
            x[:, None, None].to(source) for x in (self.own, self.factor, self.taken[self.step])
        )
        return (mixed + own * target) * factor * taken + target * (1 - taken)

    def _blends(self, n_queries: int) -> bool:
        height, width = self.blend.map_size(self.size)
        return bool(self.marked.any()) and n_queries == height * width

    def _seen(self, source: Probs, target: Probs) -> Float[Tensor, "B 2 queries"]:
        pairs = torch.stack([source, target], dim=1).mean(2)
        return torch.einsum("bpqt,bpt->bpq", pairs, self.marked.to(pairs))
