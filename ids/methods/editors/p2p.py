"""Prompt-to-Prompt."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ids.core.capabilities import HookedBackbone, TokenBackbone, Tokens, require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.options import check_options
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone
from ids.core.records import EditCase, Trace
from ids.diffusion.ddim import ddim_step, times_of
from ids.diffusion.guidance import Guided
from ids.methods.editors import p2p_words
from ids.methods.editors.local_blend import LocalBlend
from ids.methods.editors.p2p_control import Control, Plan, stack_plans
from ids.methods.editors.start import invert
from ids.methods.inversion.inversion import Inversion, check_inversion


@dataclass(frozen=True)
class PromptToPrompt:
    """Source and target are sampled side by side, and attention maps of the source replace those of
    the target (Hertz et al. 2022; the released controllers, in the settings of the PIE benchmark).

    Cross-attention, in the first `cross_share` of the steps (or between two shares, or by word, see
    `p2p_words.shares`): each target token takes the map of the source token that it is aligned with
    (`words` refine) or replaces (`words` replace); new words keep their maps. A case's
    `word_weights` scale the maps of their words, and `blend_weight` those of its target blend
    words. Self-attention, in the first `self_share` of the steps (or between two shares): maps
    whose side is at most `self_side` of the latent's. If a case has blend words, `blend` restricts
    the change of the latent to the places that they attend to; None disables it.
    """

    inversion: Inversion
    blend: LocalBlend | None
    words: Literal["refine", "replace"] = "refine"
    cross_share: p2p_words.Bounds = 0.4
    self_share: p2p_words.Share = 0.6
    self_side: float = 0.5
    blend_weight: float = 2.0
    guidance_scale: float = 7.5
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = False
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False
    needs: ClassVar[tuple[type, ...]] = (HookedBackbone, LatentSubject, TokenBackbone)

    def __post_init__(self) -> None:
        check_inversion(self.inversion, self.guidance_scale)
        check_options(self)
        if not 0 <= self.self_side <= 1:
            raise ValueError(f"method.self_side: expected 0 to 1; got {self.self_side}")
        for name, check in (("cross_share", p2p_words.spans), ("self_share", p2p_words.span)):
            try:
                check(getattr(self, name), 1)
            except ValueError as error:
                raise ValueError(f"method.{name}: {error}") from None

    @property
    def n_ticks(self) -> int:
        """Those of the inversion, and one per sampling step."""
        return self.inversion.n_ticks + self.inversion.n_steps

    def check(self, backbone: Backbone, case: EditCase) -> None:
        """`DataError` if words of this case are not found in its prompts, or cannot be paired."""
        self._plan(backbone, case, backbone.prompt([""]).n_tokens)

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves."""
        latents, backbone = require(subject, LatentSubject), context.backbone
        start, control = (
            invert(self, context, latents, beside=True),
            self.control(backbone, latents),
        )
        y, z = Prompt.cat([start.y.src, start.y.trg]), start.z_T.repeat(2, 1, 1, 1)
        for step, (t, below) in enumerate(pairwise(start.times)):
            control.step = step
            eps_phi = Guided(backbone, start.nulls[t].repeat(2), self.guidance_scale)
            with require(backbone, HookedBackbone).hooked(control):
                eps = eps_phi(z, y, times_of(t, z))
            z = control.blended(
                start.corrected(ddim_step(backbone.schedule, z, eps, t, below), t, below)
            )
            context.progress.step()
        latents.z_trg.copy_(z.chunk(2)[1])
        return Trace()

    def control(self, backbone: Backbone, subject: LatentSubject) -> Control:
        """The attention hook for these cases."""
        n_tokens = backbone.prompt([""]).n_tokens
        plans = [self._plan(backbone, case, n_tokens) for case in subject.cases]
        return Control(
            plan=stack_plans(plans, subject.z_src),
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
        mix, keep = self._alignment((src, x), (trg, y), n)
        return Plan(
            mix,
            keep,
            factor=p2p_words.weights(emphasis, trg, y, n),
            taken=p2p_words.shares(self.cross_share, trg, y, self.inversion.n_steps, n),
            marked=torch.stack(marked),
        )

    def _alignment(
        self, source: tuple[str, Tokens], target: tuple[str, Tokens], n: int
    ) -> tuple[Tensor, Tensor]:
        """mix [L, L] and keep [L]: new target maps are source maps @ mix + keep * target maps."""
        if self.words == "replace":
            return p2p_words.replacement(source, target, n), torch.zeros(n)
        mapper, aligned = p2p_words.refinement(source[1], target[1], n)
        mix = torch.zeros(n, n)
        mix[mapper.clamp_min(0), torch.arange(n)] = aligned
        return mix, 1 - aligned
