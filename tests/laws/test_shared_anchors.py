"""Source halves kept for later edits: who shares them, and that an anchor survives it."""

from dataclasses import dataclass, replace

import pytest
import torch
from anchor_edits import IMAGES, edited, editor, targets
from torch import Tensor

from ids.core.anchor_rows import AnchorRows
from ids.core.errors import ConfigError
from ids.core.records import Anchor, Draw, EditCase
from ids.core.rng import Streams
from ids.diffusion import Uniform
from ids.editing import DistillationEditor
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR, DreamCatalyst, NoRefinement
from ids.run.anchor_cache import MemoryCache

FIRST = editor(fpr=FPR(2, 0.1))


@pytest.mark.parametrize(
    ("second", "case", "shared"),
    [
        (FIRST, targets(1)[0], 5),
        (replace(FIRST, n_steps=8), IMAGES[0], 5),
        (editor(fpr=FPR(2, 0.1), lr=0.3, grad_scale=2.0), IMAGES[0], 5),
        (replace(FIRST, fpr=FPR(2, 0.2)), IMAGES[0], 0),
        (replace(FIRST, fpr=NoRefinement()), IMAGES[0], 0),
        (replace(FIRST, distillation=DreamCatalyst()), IMAGES[0], 0),
        (replace(FIRST, guidance_scale=4.0), IMAGES[0], 0),
        (replace(FIRST, negative_prompt="blurred"), IMAGES[0], 0),
        (replace(FIRST, timesteps=Uniform(60)), IMAGES[0], 0),
        (FIRST, replace(IMAGES[0], prompt_src="another"), 0),
        (FIRST, IMAGES[1], 0),
    ],
)
def test_what_a_later_edit_shares(second: DistillationEditor, case: EditCase, shared: int) -> None:
    """Steps whose source halves are not computed again, and the edit is the same."""
    anchors = Ahead(8, MemoryCache(10**9))
    edited(FIRST, IMAGES[:1], anchors)
    found, _, nfe = edited(second, [case], anchors)
    plain, _, cold = edited(second, [case])
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-6)
    per_step = (cold.forwards + cold.backwards) // second.n_steps
    saved = cold.forwards + cold.backwards - nfe.forwards - nfe.backwards
    assert saved == shared * (per_step - 2)


def test_of_a_batch_only_the_unknown_rows_are_computed() -> None:
    anchors = Ahead(8, MemoryCache(10**9))
    edited(FIRST, IMAGES[:1], anchors)
    found, _, nfe = edited(FIRST, [IMAGES[1], IMAGES[0]], anchors)
    assert (nfe.forwards, nfe.backwards) == (5 * (6 + 2 * 2), 5 * 4)  # the source half of one
    plain, _, _ = edited(FIRST, [IMAGES[1], IMAGES[0]])
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-6)


class Opaque:
    """The rule DDS; what else it holds is not known."""

    def __getattr__(self, name: str) -> object:
        return getattr(DDS(), name)


def test_a_part_whose_content_is_not_known_is_not_shared() -> None:
    found, _, _ = edited(editor(Opaque()), IMAGES, Ahead(8))
    assert found.isfinite().all()
    with pytest.raises(ConfigError, match=r"got a part of class Opaque; use engine\.anchors"):
        edited(editor(Opaque()), IMAGES, Ahead(8, MemoryCache(10**9)))


def test_tensors_that_an_anchor_shares_stay_shared() -> None:
    """The terms of a sum find the pass of another by the identity of t."""
    draw = Draw(torch.arange(3), torch.randn(3, 2, 4, 4), Streams(("a", "b", "c")))
    refined = replace(draw, eps=torch.randn(3, 2, 4, 4))
    parts = {
        "x": Anchor(refined, refined.eps, logs={"l": torch.arange(3.0)}),
        "y": Anchor(draw, draw.eps),
    }
    rows = AnchorRows.of(Anchor(refined, torch.zeros(3, 2, 4, 4), parts=parts), draw)
    one = rows.split([2, 1])[0].anchor(replace(draw, t=draw.t[:2], eps=draw.eps[:2]))
    assert one.parts["x"].draw.t is one.draw.t
    assert one.parts["x"].reference is one.draw.eps
    assert torch.equal(one.draw.eps, refined.eps[:2])
    assert torch.equal(one.parts["y"].reference, draw.eps[:2])
    assert torch.equal(one.parts["x"].logs["l"], torch.arange(2.0))


@dataclass(frozen=True)
class Richer(Anchor):
    """An anchor of a rule from outside, with a field that rows do not have."""

    more: Tensor | None = None


DRAW = Draw(torch.arange(3), torch.randn(3, 2, 4, 4), Streams(("a", "b", "c")))
OTHER = replace(DRAW, rng=Streams(("a", "b", "c")).branch("other"))


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        (Anchor(DRAW, DRAW.eps, logs={"l": torch.zeros(())}), r"tensors of 3 rows.*shape \(\)"),
        (Richer(DRAW, DRAW.eps, more=DRAW.eps), "the class Anchor; got Richer"),
        (Anchor(OTHER, DRAW.eps), "the random numbers of the draw; got Streams"),
        (Anchor(DRAW, DRAW.eps, parts={"x": Anchor(OTHER, DRAW.eps)}), "the random numbers"),
    ],
)
def test_an_anchor_that_rows_cannot_hold_is_refused(anchor: Anchor, expected: str) -> None:
    """It was edited with other numbers than step by step."""
    with pytest.raises(ConfigError, match=f"with {expected}.*; use engine.anchors=inline"):
        AnchorRows.of(anchor, DRAW)
