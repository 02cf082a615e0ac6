"""Does the image show what was asked for? The embedded world's classifier decides."""

import math
from dataclasses import dataclass

import torch

from ids.core.needed import NeededFile
from ids.core.records import EditCase, Edited
from ids.shapes.caption import parse_caption
from ids.shapes.judge import judge, judge_files, judge_weights_id
from ids.shapes.scene import VALUES

ASKED = ("target", "source")


@dataclass(frozen=True)
class Success:
    """1 where every attribute in which the prompts differ is read as the `asked` prompt says, else
    0: `success` for the target, `restored` for the source (of an edit and back). nan for prompts of
    another world, and where they do not differ.

    It looks at the changed attributes alone: what else an edit breaks, PSNR to the true edit tells.
    """

    asked: str = "target"

    version = 1
    unit = ""
    higher_is_better = True
    min_side = 1

    def files(self) -> list[NeededFile]:
        """The shapes classifier."""
        return judge_files()

    def __post_init__(self) -> None:
        if self.asked not in ASKED:
            raise ValueError(
                f"success asked: expected one of {', '.join(ASKED)}; got {self.asked!r}"
            )

    @property
    def name(self) -> str:
        return "success" if self.asked == "target" else "restored"

    def weights_id(self) -> str:
        return judge_weights_id()

    @torch.no_grad()
    def __call__(self, case: EditCase, edited: Edited) -> float:
        before, after = parse_caption(case.prompt_src), parse_caption(case.prompt_trg)
        wanted, other = (after, before) if self.asked == "target" else (before, after)
        changed = [a for a in wanted if wanted[a] != other.get(a)]
        if not (before and after and changed):
            return math.nan
        logits = judge()(edited.image.unsqueeze(0))
        return float(all(VALUES[a][int(logits[a].argmax())] == wanted[a] for a in changed))
