"""Up to the noise and down again, with and without the source's features: what must come back."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
import torch
from conftest import GOLDEN, Silent
from golden_replay.recording import Golden
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.config.compose import compose_all
from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone, Editor
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion.ddim import evenly, leading
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import Metered
from ids.methods import DDIMInversion, PlugAndPlay, Reconstruction, SDEdit
from ids.methods.inversion import Descent
from ids.methods.pnp import FromSource
from ids.representations import LatentImage

SD = Golden(GOLDEN).backbone(torch.float64, "sd4")
UNET = SD.denoiser.unet
WORLD = GaussianWorld(scaled_linear_vp(torch.float64))
PNP = PlugAndPlay(
    DDIMInversion(10),
    "up_blocks.1.resnets.1.conv2",
    "up_blocks.1.attentions.[12].*.attn1.to_[qk] up_blocks.[23].attentions.*.attn1.to_[qk]",
    n_steps=10,
    negative_prompt="",
)


def case(name: str, source: str = "source", target: str = "target") -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target)


def normal(rows: int, seed: int, channels: int = 4, side: int = 16) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, channels, side, side, dtype=torch.float64, generator=rng)


def edited(
    edit: Editor, z: Tensor, cases: list[EditCase], backbone: Backbone = SD, seed: int = 0
) -> Tensor:
    subject = LatentImage(z, cases)
    edit(backbone, subject, Streams.of(seed, [c.id for c in cases]), Silent())
    return subject.z_trg.detach()


def hooks() -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in UNET.modules())


def test_inversion_and_sampling_undo_each_other_to_first_order() -> None:
    """In the exact world: twice the steps, half of what is lost."""
    z = normal(1, 0, 3, 8)
    lost = [
        float((edited(Reconstruction(DDIMInversion(n)), z, [case("a")], WORLD) - z).norm())
        for n in (25, 50, 100, 200)
    ]
    orders = [math.log2(one / two) for one, two in pairwise(lost)]
    assert all(0.8 < order < 1.3 for order in orders), orders


def test_without_a_word_the_way_up_is_told_nothing() -> None:
    inversion = DDIMInversion(5, prompt="empty")
    told, empty, other = (
        i(SD, normal(1, 0), [text], Descent(1.0, SD.prompt([""]), [801]), Silent()).states
        for i, text in ((inversion, "source"), (DDIMInversion(5), ""), (DDIMInversion(5), "source"))
    )
    assert set(told) == {0, 801}  # what is not wanted is not kept
    assert torch.equal(told[801], empty[801])
    assert not torch.equal(told[801], other[801])


@given(n=st.integers(1, 999), offset=st.integers(0, 1))
def test_the_grid_is_diffusers_own(n: int, offset: int) -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(steps_offset=offset)
    scheduler.set_timesteps(n)
    theirs = scheduler.timesteps.tolist()
    if theirs[0] > 999 or 1000 // n * n < 850:  # out of the schedule, or far from its end
        with pytest.raises(ConfigError, match="reaches the noise"):
            leading(n, 1000, offset)
    else:
        assert leading(n, 1000, offset) == [*theirs, 0]
    assert evenly(n, 1000)[0] == 999


def full(share: float, followed: str) -> PlugAndPlay:
    return replace(
        PNP,
        conv_share=share,
        attention_share=share,
        guidance_scale=1.0,
        source_prompt="source",
        followed=followed,
    )


def test_plug_and_play_under_equal_words_is_the_reconstruction() -> None:
    """At guidance 1 with everything injected: exactly, along the reconstruction's own states; along
    the inversion's, as far as these differ.
    """
    z, same = normal(1, 1), [case("a", "source", "source")]
    back = edited(Reconstruction(DDIMInversion(10)), z, same)
    exact = edited(full(1.0, "reconstruction"), z, same)
    torch.testing.assert_close(exact, back, rtol=0, atol=1e-10)
    near = edited(full(1.0, "inversion"), z, same)
    assert 1e-6 < float((near - back).norm()) < 2 * float((back - z).norm())


def test_injection_holds_the_source() -> None:
    z, cases = normal(1, 1), [case("a")]
    free = edited(replace(PNP, conv_share=0.0, attention_share=0.0), z, cases)
    held = edited(PNP, z, cases)
    source = edited(Reconstruction(DDIMInversion(10)), z, cases)
    assert (held - source).norm() < (free - source).norm()
    assert hooks() == 0


def test_a_followed_reconstruction_is_told_what_the_way_up_was() -> None:
    """Nothing, say: all held to it gives what an empty prompt gives, whatever the source's is."""
    z, metered, untold = normal(1, 1), Metered(SD), DDIMInversion(10, prompt="empty")
    follow = replace(full(1.0, "reconstruction"), inversion=untold, source_prompt="empty")
    held = edited(follow, z, [case("a", "source", "")], metered)
    assert metered.passes.forwards == 10 + 10 + 30
    back = edited(Reconstruction(DDIMInversion(10)), z, [case("a", "", "")])
    torch.testing.assert_close(held, back, rtol=0, atol=1e-10)


def test_a_failing_injection_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: FromSource, site: str, h: Tensor) -> Tensor:
        raise RuntimeError("inside")

    monkeypatch.setattr(FromSource, "__call__", failing)
    with pytest.raises(RuntimeError, match="inside"):
        edited(PNP, normal(1, 1), [case("a")])
    assert hooks() == 0


def test_sites_by_resolution_are_the_released_list_and_one_more() -> None:
    """On Stable Diffusion's topology: the same convolution, and the first self-attention at 1/4."""

    @dataclass
    class Listing:
        sites: str
        seen: set[str] = field(default_factory=set)

        def __call__(self, site: str, h: Tensor) -> Tensor:
            self.seen.add(site)
            return h

    named: dict[str, set[str]] = {}
    for option in ("stable_diffusion", "by_resolution"):
        (setting,) = compose_all(["method=pnp", "backbone=sd15", f"sites={option}"])
        for key in ("conv_sites", "attention_sites"):
            listing = Listing(setting.values["method"][key])
            with SD.hooked(listing):
                SD.eps(normal(1, 1), SD.prompt(["source"]), torch.tensor([500]))
            named[f"{option} {key}"] = listing.seen
    assert named["by_resolution conv_sites"] == named["stable_diffusion conv_sites"]
    more = named["by_resolution attention_sites"] - named["stable_diffusion attention_sites"]
    first = "up_blocks.1.attentions.0.transformer_blocks.0.attn1"
    assert more == {f"{first}.to_q", f"{first}.to_k"}
    assert len(named["stable_diffusion attention_sites"]) == 2 * 8


@pytest.mark.parametrize("edit", [PNP, Reconstruction(DDIMInversion(6)), SDEdit(0.5, 10)])
def test_batch_mates_change_nothing(edit: Editor) -> None:
    z, cases = normal(3, 2), [case("a"), case("b", "target", "source"), case("c")]
    together = edited(edit, z, cases)
    for row in range(3):
        alone = edited(edit, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-10)


@dataclass(frozen=True)
class Watched:
    """A backbone that counts its hooks."""

    backbone: Backbone
    open: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.backbone, name)

    @contextmanager
    def hooked(self, hook: Hook) -> Iterator[None]:
        self.open.append(hook.sites)
        with SD.hooked(hook):
            yield


def test_each_injection_has_its_share_of_the_steps() -> None:
    watched = Watched(SD)
    edited(replace(PNP, conv_share=0.29, n_steps=10), normal(1, 1), [case("a")], watched)  # type: ignore[arg-type]
    assert watched.open.count(PNP.conv_sites) == 2
    assert watched.open.count(PNP.attention_sites) == 5


def test_what_they_cost() -> None:
    """Inversion without guidance, then three rows a step; SDEdit walks its share alone."""
    for edit, forwards in ((PNP, 10 + 30), (Reconstruction(DDIMInversion(6)), 12)):
        metered = Metered(SD)
        edited(edit, normal(1, 1), [case("a")], metered)
        assert metered.passes.forwards == forwards
    metered = Metered(SD)
    edited(SDEdit(0.5, 10), normal(1, 1), [case("a")], metered)
    assert metered.passes.forwards == 2 * 5


def test_more_inversion_than_sampling_steps() -> None:
    """The states are found by their timestep; where there is none, the error says so, and nothing
    has been paid for.
    """
    edited(replace(PNP, inversion=DDIMInversion(20)), normal(1, 1), [case("a")])
    metered = Metered(SD)
    with pytest.raises(ConfigError, match="of its 7 none is 901; make them equal"):
        edited(replace(PNP, inversion=DDIMInversion(7)), normal(1, 1), [case("a")], metered)
    assert metered.passes.forwards == 0
    edited(replace(PNP, inversion=DDIMInversion(10, 0)), normal(1, 1), [case("a")])


@given(seed=st.integers(0, 9))
def test_sdedit_forgets_with_its_strength(seed: int) -> None:
    """Two sources under one seed come together the closer, the more is noised."""
    one, other = normal(1, 1, 3, 4), normal(1, 2, 3, 4)
    apart = [
        float(
            (
                edited(SDEdit(s, 20, guidance_scale=1.0), one, [case("a")], WORLD, seed)
                - edited(SDEdit(s, 20, guidance_scale=1.0), other, [case("a")], WORLD, seed)
            ).norm()
        )
        for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 0.1 * apart[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SDEdit(0.0), "strength"),
        (lambda: SDEdit(0.01, 50), "n_steps: expected enough"),
        (lambda: DDIMInversion(0), "n_steps"),
        (lambda: DDIMInversion(offset=2), "offset"),
        (lambda: DDIMInversion(prompt="target"), "prompt"),
        (lambda: replace(PNP, conv_share=1.2), "conv_share"),
        (lambda: replace(PNP, followed="nothing"), "followed"),
        (lambda: replace(PNP, n_steps=0), "n_steps"),
        (lambda: replace(PNP, source_prompt="a cat"), "source_prompt"),
    ],
)
def test_values_that_cannot_be_are_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
