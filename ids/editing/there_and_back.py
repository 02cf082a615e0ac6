"""Is an edit invertible? Edit, then edit the result back with the prompts swapped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from ids.core.protocols import Backbone, Editor, Progress, Subject
from ids.core.records import EditCase, Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.images import eight_bit

VIAS = ("latent", "image")


@dataclass(frozen=True)
class ThereAndBack:
    """What an editor leaves of the source after an edit and its reverse: the result is to be
    compared with the source.

    The way back starts from z_trg itself (`via` latent), or from what a user would have, the
    decoded image in 8 bits (`via` image). It has draws of its own.
    """

    editor: Editor
    via: str = "latent"

    anytime = False  # what it passes through on the way out is no round trip

    def __post_init__(self) -> None:
        if self.via not in VIAS:
            raise ValueError(f"method.via: expected one of {', '.join(VIAS)}; got {self.via!r}")

    @property
    def uses_seed(self) -> bool:
        return self.editor.uses_seed

    @property
    def uses_prompts(self) -> bool:
        return self.editor.uses_prompts

    @property
    def n_ticks(self) -> int:
        return 2 * self.editor.n_ticks

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        there = self.editor(backbone, subject, rng, progress)
        z_src = self._carried(backbone, subject.z_trg.detach())
        with torch.no_grad():
            subject.z_trg.copy_(z_src)
        back = self.editor(backbone, _Reversed(z_src, subject), rng.branch("back"), progress)
        return Trace(
            {name: torch.cat([curve, back.curves[name]]) for name, curve in there.curves.items()}
        )

    def _carried(self, backbone: Backbone, z: Latent) -> Latent:
        if self.via == "latent":
            return z.clone()
        images = eight_bit(backbone.decode(z))
        return torch.cat([backbone.encode(image.unsqueeze(0)) for image in images])


@dataclass(frozen=True)
class _Reversed:
    """The edited subject as a source, its prompts swapped; the same parameters move on."""

    z_src: Latent
    subject: Subject

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

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        return self.subject.parameters()
