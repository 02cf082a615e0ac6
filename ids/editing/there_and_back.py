"""Is an edit invertible? Edit, then edit the result back with source and target prompt swapped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, Editor, LatentSubject, Parameters, Subject, View
from ids.core.options import check_options
from ids.core.protocols import Backbone
from ids.core.records import EditCase, Trace
from ids.core.rng import Randomness
from ids.core.tensors import Images, Latent
from ids.images import eight_bit


@dataclass(frozen=True)
class ThereAndBack:
    """An edit followed by its reverse. The result is to be compared with the source.

    The reverse edit starts from z_trg itself (`via` latent), or from what a user would have, the
    decoded image in 8 bits (`via` image). Its draws are independent of the first edit's.
    """

    editor: Editor
    via: Literal["latent", "image"] = "latent"

    anytime: ClassVar[bool] = False  # the states of the first edit are no round trips
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def uses_seed(self) -> bool:
        """As the editor."""
        return self.editor.uses_seed

    @property
    def uses_prompts(self) -> bool:
        """As the editor."""
        return self.editor.uses_prompts

    @property
    def n_ticks(self) -> int:
        """Those of two edits."""
        return 2 * self.editor.n_ticks

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Edit there and back. Curves are those of both edits, one after the other."""
        latents = require(subject, LatentSubject)
        there = self.editor(context, latents)
        z_src = self._start(context.backbone, latents.z_trg.detach())
        with torch.no_grad():
            latents.z_trg.copy_(z_src)
        back_context = replace(context, rng=context.rng.branch("back"))
        back = self.editor(back_context, _Reversed(z_src, latents))
        return Trace(
            {name: torch.cat([curve, back.curves[name]]) for name, curve in there.curves.items()}
        )

    def _start(self, backbone: Backbone, z: Latent) -> Latent:
        """Where the reverse edit starts."""
        if self.via == "latent":
            return z.clone()
        images = eight_bit(backbone.decode(z))
        return torch.cat([backbone.encode(image.unsqueeze(0)) for image in images])


@dataclass(frozen=True)
class _Reversed:
    """An edited subject as the source of the reverse edit: its prompts are swapped, its parameters
    are the same.
    """

    z_src: Latent
    subject: LatentSubject

    @property
    def cases(self) -> Sequence[EditCase]:
        return [
            replace(
                case,
                prompt_src=case.prompt_trg,
                prompt_trg=case.prompt_src,
                blend_words=case.blend_words and case.blend_words[::-1],
                word_weights={},
            )
            for case in self.subject.cases
        ]

    @property
    def z_trg(self) -> Latent:
        return self.subject.z_trg

    def view(self, rng: Randomness) -> View:
        return View(self.z_src, lambda: self.subject.view(rng).z_trg)

    def parameters(self) -> Parameters:
        return self.subject.parameters()

    def shown(self) -> View:
        return View(self.z_src, lambda: self.subject.z_trg)

    def images(self) -> Images:
        return self.subject.images()

    def save(self, folder: Path) -> None:
        self.subject.save(folder)
