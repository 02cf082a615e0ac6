"""Plug-and-Play: injection of the source's features."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from recorded_sd import SD, case, check_rows, edited, hooks, normal
from torch import Tensor

from ids.config.compose import compose_all
from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone
from ids.editing import MeteredBackbone
from ids.methods import DDIMInversion, PlugAndPlay, Reconstruction
from ids.methods.editors.pnp import FromSource


def sites_of(option: str) -> dict[str, str]:
    (setting,) = compose_all(["method=pnp", "backbone=sd15", f"sites={option}"])
    return {key: setting.values["method"][key] for key in ("conv_sites", "attention_sites")}


PNP = PlugAndPlay(DDIMInversion(5), **sites_of("stable_diffusion"), n_steps=5, negative_prompt="")


def full(share: float, followed: str) -> PlugAndPlay:
    return replace(
        PNP,
        conv_share=share,
        attention_share=share,
        guidance_scale=1.0,
        source_prompt="source",
        followed=followed,
    )


def test_equal_prompts_give_the_reconstruction() -> None:
    """At guidance scale 1 with everything injected: exactly if the source's states are those of the
    reconstruction; if they are the inversion's, up to the difference between the two.
    """
    z, same = normal(1, 1), [case("a", "source", "source")]
    back = edited(Reconstruction(DDIMInversion(5)), z, same)
    exact = edited(full(1.0, "reconstruction"), z, same)
    torch.testing.assert_close(exact, back, rtol=0, atol=1e-10)
    near = edited(full(1.0, "inversion"), z, same)
    assert 1e-6 < float((near - back).norm()) < 2 * float((back - z).norm())


def test_injection_preserves_the_source() -> None:
    z, cases = normal(1, 1), [case("a")]
    free = edited(replace(PNP, conv_share=0.0, attention_share=0.0), z, cases)
    held = edited(PNP, z, cases)
    source = edited(Reconstruction(DDIMInversion(5)), z, cases)
    assert (held - source).norm() < (free - source).norm()
    assert hooks() == 0


def test_a_followed_reconstruction_has_the_prompt_of_the_inversion() -> None:
    """Here the empty one: full injection gives its reconstruction, whatever the source prompt."""
    z, metered, unprompted = normal(1, 1), MeteredBackbone(SD), DDIMInversion(5, prompt="empty")
    follow = replace(full(1.0, "reconstruction"), inversion=unprompted, source_prompt="empty")
    held = edited(follow, z, [case("a", "source", "")], metered)
    assert metered.nfe.forwards == 5 + 5 + 15
    back = edited(Reconstruction(DDIMInversion(5)), z, [case("a", "", "")])
    torch.testing.assert_close(held, back, rtol=0, atol=1e-10)


def test_a_failing_injection_leaves_no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
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
        for key, sites in sites_of(option).items():
            listing = Listing(sites)
            with SD.hooked(listing):
                SD.eps(normal(1, 1), SD.prompt(["source"]), torch.tensor([500]))
            named[f"{option} {key}"] = listing.seen
    assert named["by_resolution conv_sites"] == named["stable_diffusion conv_sites"]
    more = named["by_resolution attention_sites"] - named["stable_diffusion attention_sites"]
    first = "up_blocks.1.attentions.0.transformer_blocks.0.attn1"
    assert more == {f"{first}.to_q", f"{first}.to_k"}
    assert len(named["stable_diffusion attention_sites"]) == 2 * 8


def test_sites_by_resolution_work_on_another_topology() -> None:
    """Three levels of one layer each: the released list of sites is refused."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 16, 32),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    ).double()
    distilled = replace(SD, denoiser=replace(SD.denoiser, unet=unet))
    sites = sites_of("by_resolution")
    z, same = normal(1, 1), [case("a", "source", "source")]
    with pytest.raises(ConfigError, match="its maps have 1/2 of the latent"):
        edited(PNP, z, same, distilled)
    held = edited(replace(full(1.0, "reconstruction"), **sites), z, same, distilled)
    back = edited(Reconstruction(DDIMInversion(5)), z, same, distilled)
    torch.testing.assert_close(held, back, rtol=0, atol=1e-10)
    for share in ("conv_share", "attention_share"):
        free = replace(PNP, **sites, **{share: 0.0})
        injected = edited(replace(PNP, **sites), z, [case("a")], distilled)
        assert not torch.allclose(edited(free, z, [case("a")], distilled), injected)


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
    edit = replace(PNP, inversion=DDIMInversion(10), n_steps=10, conv_share=0.29)
    edited(edit, normal(1, 1), [case("a")], watched)  # type: ignore[arg-type]
    assert watched.open.count(PNP.conv_sites) == 2
    assert watched.open.count(PNP.attention_sites) == 5


def test_more_inversion_than_sampling_steps() -> None:
    """States are found by timestep; a timestep without a state is an error before any pass."""
    edited(replace(PNP, inversion=DDIMInversion(10)), normal(1, 1), [case("a")])
    metered = MeteredBackbone(SD)
    with pytest.raises(ConfigError, match="of its 3 none is 801; make them equal"):
        edited(replace(PNP, inversion=DDIMInversion(3)), normal(1, 1), [case("a")], metered)
    assert metered.nfe.forwards == 0
    edited(replace(PNP, inversion=DDIMInversion(5, 0)), normal(1, 1), [case("a")])


def test_rows_are_independent_of_the_batch() -> None:
    check_rows(PNP, [case("a"), case("b", "target", "source"), case("c")])


def test_nfe() -> None:
    """Inversion without guidance, then three samples per step."""
    metered = MeteredBackbone(SD)
    edited(PNP, normal(1, 1), [case("a")], metered)
    assert metered.nfe.forwards == 5 + 15


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: replace(PNP, conv_share=1.2), "conv_share"),
        (lambda: replace(PNP, n_steps=0), "n_steps"),
    ],
)
def test_invalid_values_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
