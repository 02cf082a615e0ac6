"""SBP and SSD in the Gaussian world: closed forms, equalities, costs, and how anchors carry the
source prompt.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from anchor_edits import IMAGES, DoubleWorld, editor, targets
from anchor_edits import edited as edit_images
from test_methods import case, latents, run

from ids.backbones import GaussianWorld
from ids.core.anchor_rows import AnchorRows
from ids.core.edit import Anchors, inline
from ids.core.errors import ConfigError
from ids.core.records import Anchor, Draw
from ids.core.rng import Streams
from ids.diffusion import Annealed, Bank, Guided
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import DistillationEditor
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR, SBP, SSD, NoRefinement, Sum
from ids.run.anchor_cache import MemoryCache

DOUBLE = torch.float64
WORLD = GaussianWorld(scaled_linear_vp(DOUBLE))
RULES = {"sbp": SBP(), "ssd": SSD()}


def gradient(rule: Any, z_src: Any, z_trg: Any, w: float, t: int, *texts: str) -> torch.Tensor:
    """At one draw; texts are the source and the target prompt."""
    src, trg = (WORLD.prompt([text]) for text in texts or ("source", "target"))
    eps_phi = Guided(WORLD, WORLD.prompt([""]), w)
    draw = Draw(torch.tensor([t]), latents(1, 9), Streams(("a",)))
    return rule.grad(eps_phi, z_trg, trg, rule.anchor(eps_phi, z_src, src, draw))


def mean(text: str) -> torch.Tensor:
    return WORLD.prompt([text]).embedding.double().view(1, 3, 1, 1)


@pytest.mark.parametrize("w", [1.0, 7.5])
def test_sbp_is_the_difference_of_guided_predictions_at_half_their_cost(w: float) -> None:
    """Of DDS with the target's latent in both halves."""
    z = latents(1)
    ours = gradient(SBP(), latents(1, 3), z, w, 300)
    torch.testing.assert_close(ours, gradient(DDS(), z, z, w, 300), rtol=0, atol=1e-12)


def test_sbp_translates_at_a_rate_that_no_state_changes() -> None:
    """It has no fixed point: twice the steps, twice the way; both sources move alike."""
    z = latents(1)
    one, two = (gradient(SBP(), z, at, 3.0, 500) for at in (latents(1, 4), latents(1, 5)))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)
    t = torch.tensor([500])
    alpha, sigma = WORLD.schedule.alpha(t), WORLD.schedule.sigma(t)
    rate = 3.0 * alpha * sigma / (alpha**2 * WORLD.spread**2 + sigma**2)
    towards = (-rate * (mean("target") - mean("source"))).expand_as(one)
    torch.testing.assert_close(one, towards, rtol=0, atol=1e-12)


def test_equal_prompts_are_no_edit_of_sbp_and_one_of_ssd() -> None:
    z, same = latents(1).float(), [case("a", "same", "same")]
    for rule, moves in ((SBP(), False), (SSD(), True)):
        found, _ = run(GaussianWorld(scaled_linear_vp()), in_loop(rule, 5), z, same)
        assert torch.equal(found, z) is not moves


def test_ssd_is_0_at_the_source_if_every_prompt_is_empty() -> None:
    z = latents(1)
    assert gradient(SSD(), z, z, 7.5, 400, "", "").abs().max() < 1e-12


@pytest.mark.parametrize("t", [100, 500, 900])
def test_the_fixed_point_of_ssd(t: int) -> None:
    """Without the identity term it depends on no timestep: z_src + (mu_src - mu_null) + w / i
    (mu_trg - mu_src) + 2 e / i (mu_trg - mu_null).
    """
    z, rule, w = latents(1), SSD(2.0, 1.5, 0.0), 4.0
    null, src, trg = mean(""), mean("source"), mean("target")
    away = (src - null) + w / 2 * (trg - src) + 2 * 1.5 / 2 * (trg - null)
    assert gradient(rule, z, z + away, w, t).abs().max() < 1e-12
    assert gradient(replace(rule, identity=0.1), z, z + away, w, t).abs().max() > 1e-3


def test_terms_of_ssd_are_other_rules() -> None:
    """Guidance alone is half of SBP; with an empty source prompt and weights that act as 1, it is
    DDS without guidance.
    """
    z_src, z = latents(1), latents(1, 2)
    half = gradient(SSD(0.0, 0.0, 0.0), z_src, z, 7.5, 250)
    torch.testing.assert_close(2 * half, gradient(SBP(), z_src, z, 7.5, 250), rtol=0, atol=1e-12)
    ours = gradient(SSD(2.0, 0.0, 0.0), z_src, z, 2.0, 250, "", "target")
    dds = gradient(DDS(), z_src, z, 1.0, 250, "", "target")
    torch.testing.assert_close(ours, dds, rtol=0, atol=1e-12)


def test_the_identity_term_of_ssd_pulls_the_noised_latents_together() -> None:
    z_src, z, t = latents(1), latents(1, 2), torch.tensor([250])
    ours = gradient(SSD(0.0, 0.0, 0.2), z_src, z, 0.0, 250)
    pull = 0.2 * torch.tensor(0.249, dtype=DOUBLE).exp() * WORLD.schedule.alpha(t) * (z - z_src)
    torch.testing.assert_close(ours, pull, rtol=0, atol=1e-12)


def in_loop(rule: Any, n_steps: int = 5, **values: Any) -> DistillationEditor:
    sgd = partial(torch.optim.SGD, lr=0.1)
    made = DistillationEditor(rule, Annealed(), sgd, n_steps, 3.0, 1.0)
    return replace(made, **values)


@pytest.mark.parametrize(("rule", "cost"), [(SBP(), 2), (SSD(), 4)])
def test_cost_of_a_step(rule: Any, cost: int) -> None:
    _, _, nfe = edit_images(in_loop(rule), IMAGES[:2])
    assert (nfe.forwards, nfe.backwards) == (2 * 5 * cost, 0)


ANCHORS = {
    "ahead": lambda: Ahead(8),
    "shared": lambda: Ahead(8, MemoryCache(10**9), MemoryCache(10**9)),
}


@pytest.mark.parametrize("anchors", ANCHORS)
@pytest.mark.parametrize(
    "rule", [SBP(), SSD(), Sum({"a": SSD(), "b": DDS()}, {"a": 1.0, "b": 0.5})], ids=str
)
@pytest.mark.parametrize("fpr", [NoRefinement(), FPR(1, 0.1)], ids=str)
def test_anchors_of_any_kind_give_the_same_edit(anchors: str, rule: Any, fpr: Any) -> None:
    """Rows that share a source (targets of one image) and rows of others, twice through the
    cache."""
    kind, cases = ANCHORS[anchors](), [*targets(2), IMAGES[1]]
    edit = editor(rule, fpr=fpr)
    plain, _, _ = edit_images(edit, cases, inline, DoubleWorld())  # type: ignore[arg-type]
    for _ in range(2):
        found, _, _ = edit_images(edit, cases, kind, DoubleWorld())  # type: ignore[arg-type]
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-12)


def test_the_source_half_of_ssd_is_shared() -> None:
    """The null prediction at the drawn noise is computed once for later edits; with DDS before it,
    it is known already.
    """
    kind: Anchors = Ahead(8, MemoryCache(10**9), MemoryCache(10**9))
    _, _, first = edit_images(editor(DDS()), targets(1), kind)
    _, _, second = edit_images(editor(SSD()), targets(1), kind)
    assert (first.forwards, second.forwards) == (5 * 4, 5 * 3)


def test_a_bank_keeps_the_source_prompt() -> None:
    edit = editor(SSD(), timesteps=Bank(size=2))
    found, _, nfe = edit_images(edit, IMAGES[:1])
    assert found.isfinite().all()
    assert nfe.forwards == 2 * 1 + 5 * 3


def test_an_anchor_with_another_prompt_is_not_shared() -> None:
    draw = Draw(torch.arange(1), latents(1), Streams(("a",)))
    y_src, other = WORLD.prompt(["a"]), WORLD.prompt(["b"])
    anchor = Anchor(draw, draw.eps, y_src=y_src)
    rows = AnchorRows.of(anchor, draw, y_src)
    assert rows.anchor(draw, y_src).y_src is y_src
    assert "y_src" not in AnchorRows.of(Anchor(draw, draw.eps), draw, y_src).layout  # as kept files
    with pytest.raises(ConfigError, match="the source prompt of the edit; got another prompt"):
        AnchorRows.of(anchor, draw, other)


def test_annealed_timesteps_fall_and_begin_again() -> None:
    """As int((hi - lo) (n - k) / n + lo) + 1."""
    falling = Annealed(20, 980, over=200)
    found = [falling.timestep(k) for k in range(200)]
    assert found == [int((980 - 20) * (200 - k) / 200 + 20) + 1 for k in range(200)]
    assert (found[0], found[-1], falling.timestep(200)) == (981, 25, 981)
    with pytest.raises(ConfigError, match=r"timesteps\.high: expected at most 998"):
        Annealed(20, 999).check(1000)
