"""The text encoders of Stable Diffusion 3: two of CLIP, and T5 or none."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from ids.backbones.flow_denoiser import POOLED
from ids.backbones.latent_diffusion import ClipText
from ids.backbones.t5_text import LENGTH, T5Text
from ids.core.prompt import Prompt

KNOWN_PROMPTS = 32  # encoded, on the device: 180 MB of Stable Diffusion 3


@dataclass(frozen=True)
class FlowText:
    """Prompts as the diffusers pipeline encodes them: the hidden states before the last layer of
    both CLIP encoders side by side, filled up to `width` channels, and after them those of T5, or
    zeros without T5; pooled are both text embeddings of CLIP.
    """

    clips: tuple[ClipText, ...]
    t5: T5Text | None
    width: int
    _known: dict[str, Prompt] = field(default_factory=dict, repr=False)

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return Prompt.cat([self._encode(text) for text in texts])

    @torch.no_grad()
    def _encode(self, text: str) -> Prompt:
        if (known := self._known.pop(text, None)) is None:
            encoded = [
                clip.encoder(clip.padded(text), output_hidden_states=True) for clip in self.clips
            ]
            states = torch.cat([out.hidden_states[-2] for out in encoded], -1).float()
            states = F.pad(states, (0, self.width - states.shape[-1]))
            pooled = torch.cat([out.text_embeds for out in encoded], -1).float()
            known = Prompt(torch.cat([states, self._t5_states(text, states)], 1), {POOLED: pooled})
        self._known[text] = known  # the newest is last
        if len(self._known) > KNOWN_PROMPTS:
            del self._known[next(iter(self._known))]
        return known

    def _t5_states(self, text: str, like: Tensor) -> Tensor:
        if self.t5 is None:
            return like.new_zeros(1, LENGTH, self.width)
        return self.t5(text).float()
