"""Prompt-to-Prompt."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ids.core.capabilities import HookedBackbone, TokenBackbone, Tokens, require
from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import EditCase, Trace
from ids.core.rng import Streams
from ids.diffusion.ddim import ddim_step, times_of
from ids.diffusion.guidance import Guided
from ids.methods.editors import p2p_words
from ids.methods.editors.local_blend import LocalBlend
from ids.methods.editors.p2p_control import Control, Plan, stacked
from ids.methods.inversion.ddim import Inversion, InversionRequest, check_inversion

WORDS = ("refine", "replace")


@dataclass(frozen=True)
class PromptToPrompt:
    """Sampling source and target side by side, the target's attention made of the source's (Hertz
    et al. 2022; the released controllers, in the settings of the PIE benchmark).

    Cross-attention for the first `cross_share` of the steps (between two shares, or by word: see
    `p2p_words.shares`): each target token takes the map of the source token it is aligned with
    (`words` refine), or swapped for (replace); new words keep their own. A case's `word_weights`
    scale the maps of their words, and `blend_weight` those of its target blend words.
    Self-attention for the first `self_share` of the steps (or between two shares), on maps whose
    side is at most `self_side` of the latent's. Where a case has blend words, `blend` keeps the
    target's latent to the places that they attend to; None to do without.
    """

    inversion: Inversion
    blend: LocalBlend | None
    words: str = "refine"
    cross_share: p2p_words.Bounds = 0.4
    self_share: p2p_words.Share = 0.6
    self_side: float = 0.5
    blend_weight: float = 2.0
    guidance_scale: float = 7.5
    negative_prompt: str = ""

    uses_seed = False
    uses_prompts = True
    anytime = False
    needs = (HookedBackbone, TokenBackbone)

    def __post_init__(self) -> None:
        check_inversion(self.inversion, self.guidance_scale)
        if self.words not in WORDS:
            raise ValueError(
                f"method.words: expected one of {', '.join(WORDS)}; got {self.words!r}"
            )
        if not 0 <= self.self_side <= 1:
            raise ValueError(f"method.self_side: expected 0 to 1; got {self.self_side}")
        for name, check in (("cross_share", p2p_words.spans), ("self_share", p2p_words.span)):
            try:
                check(getattr(self, name), 1)
            except ValueError as error:
                raise ValueError(f"method.{name}: {error}") from None

    @property
    def n_ticks(self) -> int:
        return self.inversion.n_ticks + self.inversion.n_steps

    def check(self, backbone: Backbone, case: EditCase) -> None:
        """`DataError` where words of this case cannot be found or paired."""
        self._plan(backbone, case, backbone.prompt([""]).n_tokens)

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        sources = [case.prompt_src for case in subject.cases]
        y = backbone.prompt(sources + [case.prompt_trg for case in subject.cases])
        y_null = backbone.prompt([self.negative_prompt] * len(sources))
        times, control = self.inversion.times(backbone.schedule), self.control(backbone, subject)
        with torch.no_grad():
            request = InversionRequest(sources, self.guidance_scale, y_null, times[:1])
            inverted = self.inversion(backbone, subject.z_src, request, progress)
            z = inverted.states[times[0]].repeat(2, 1, 1, 1)
            for step, (t, below) in enumerate(pairwise(times)):
                control.step = step
                nulls = inverted.y_null[t].repeat(2)
                eps_phi = Guided(backbone, nulls, self.guidance_scale)
                with require(backbone, HookedBackbone).hooked(control):
                    eps = eps_phi(z, y, times_of(t, z))
                z = control.blended(ddim_step(backbone.schedule, z, eps, t, below))
                progress.step()
            subject.z_trg.copy_(z.chunk(2)[1])
        return Trace()

    def control(self, backbone: Backbone, subject: Subject) -> Control:
        """What is done to the attention of these cases."""
        n = backbone.prompt([""]).n_tokens
        plans = [self._plan(backbone, case, n) for case in subject.cases]
        return Control(
            plan=stacked(plans, subject.z_src),
            crosses=p2p_words.crosses(self.cross_share, self.inversion.n_steps),
            selves=p2p_words.span(self.self_share, self.inversion.n_steps),
            self_side=self.self_side,
            blend=self.blend,
            size=(subject.z_src.shape[2], subject.z_src.shape[3]),
        )

    def _plan(self, backbone: Backbone, case: EditCase, n: int) -> Plan:
        tokens = require(backbone, TokenBackbone).tokens
        (src, x), (trg, y) = ((text, tokens(text)) for text in (case.prompt_src, case.prompt_trg))
        blend_src, blend_trg = case.blend_words or ("", "")
        emphasis = dict.fromkeys(p2p_words.composed(blend_trg).split(), self.blend_weight)
        emphasis |= {p2p_words.composed(word): x for word, x in case.word_weights.items()}
        marked = [p2p_words.marked(blend_src, src, x, n), p2p_words.marked(blend_trg, trg, y, n)]
        mix, own = self._words((src, x), (trg, y), n)
        return Plan(
            mix,
            own,
            factor=p2p_words.weights(emphasis, trg, y, n),
            taken=p2p_words.shares(self.cross_share, trg, y, self.inversion.n_steps, n),
            marked=torch.stack(marked),
        )

    def _words(
        self, source: tuple[str, Tokens], target: tuple[str, Tokens], n: int
    ) -> tuple[Tensor, Tensor]:
        """A target map as source maps @ mix + own * the target's own."""
        if self.words == "replace":
            return p2p_words.replacement(source, target, n), torch.zeros(n)
        mapper, aligned = p2p_words.refinement(source[1], target[1], n)
        mix = torch.zeros(n, n)
        mix[mapper.clamp_min(0), torch.arange(n)] = aligned
        return mix, 1 - aligned
