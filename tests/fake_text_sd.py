"""The small network of the recordings with a fake text encoder."""

from functools import partial

import recorded_sd
from golden_replay.fake_text import FakeTextBackbone
from recorded_sd import SD

from ids.core.records import EditCase
from ids.methods import DDIMInversion, LocalBlend, PromptToPrompt

A, B = "a cat on the chair", "a fluffy cat on the red chair"
BACKBONE = FakeTextBackbone(SD, (A, B))
P2P = PromptToPrompt(DDIMInversion(5, 0), LocalBlend(side=0.5), self_side=1.0)


def case(name: str, source: str = A, target: str = B, **words: object) -> EditCase:
    return recorded_sd.case(name, source, target, **words)


edited = partial(recorded_sd.edited, backbone=BACKBONE)
