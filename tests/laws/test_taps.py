"""Into a network of the true architecture and out again, without a trace."""

import pytest
import torch
from conftest import GOLDEN
from golden_replay.recording import Golden
from torch import Tensor

from ids.backbones.hooks import hooked, recorded_maps
from ids.backbones.sites import Selection, parse_sites, select_modules
from ids.core.errors import ConfigError

BACKBONE = Golden(GOLDEN).backbone(torch.float64)
UNET = BACKBONE.denoiser.unet
SITES = "up_blocks.*.attn1"


def normal(height: int = 16, width: int = 16) -> Tensor:
    rng = torch.Generator().manual_seed(3)
    return torch.randn(1, 4, height, width, dtype=torch.float64, generator=rng)


def eps(z: Tensor) -> Tensor:
    return BACKBONE.eps(z, BACKBONE.prompt(["source"]), torch.tensor([500]))


def features(z: Tensor, sites: str = SITES) -> dict[str, Tensor]:
    return dict(BACKBONE.features(z, BACKBONE.prompt(["source"]), torch.tensor([500]), sites)[1])


def hooks(network: torch.nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


class Failing:
    sites = SITES

    def __call__(self, site: str, h: Tensor) -> Tensor:
        raise RuntimeError("inside")


class Halved:
    sites = "mid_block.resnets.0"

    def __call__(self, site: str, h: Tensor) -> Tensor:
        return h / 2


def test_taps_leave_the_network_as_it_was() -> None:
    z = normal()
    before, weights = eps(z), {k: v.clone() for k, v in UNET.state_dict().items()}
    with recorded_maps(Selection(UNET, SITES)) as maps:
        assert torch.equal(eps(z), before)
    assert len(maps) == 4
    with pytest.raises(RuntimeError), recorded_maps(Selection(UNET, SITES)):
        eps(z[:, :2])  # two channels instead of four
    with (
        pytest.raises(RuntimeError, match="inside"),
        hooked(Selection(UNET, Failing.sites), Failing()),
    ):
        eps(z)
    assert hooks(UNET) == 0
    assert torch.equal(eps(z), before)
    assert all(torch.equal(v, weights[k]) for k, v in UNET.state_dict().items())


def test_a_hook_may_put_something_else_in_place() -> None:
    z = normal()
    before = eps(z)
    with BACKBONE.hooked(Halved()):
        assert not torch.equal(eps(z), before)
    assert torch.equal(eps(z), before)


@pytest.mark.parametrize("size", [(16, 16), (16, 8), (10, 14), (9, 5)])
def test_maps_have_the_images_aspect(size: tuple[int, int]) -> None:
    """Attention sees tokens; what is shown is a map, also where sides are odd."""
    low = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    shapes = [tuple(h.shape[-2:]) for h in features(normal(*size)).values()]
    assert shapes == [low, low, size, size]


def test_a_map_is_in_reading_order() -> None:
    """The tokens of an attention layer as the map before it."""
    site = "up_blocks.1.attentions.1.transformer_blocks.0.attn1"
    seen: list[Tensor] = []
    handle = UNET.get_submodule(site).register_forward_hook(lambda _, __, out: seen.append(out))
    maps = features(normal(16, 8))
    handle.remove()
    (tokens,) = seen
    assert torch.equal(maps[site][0, :, 5, 3], tokens[0, 5 * 8 + 3])


def test_other_sites_show_maps_too() -> None:
    assert features(normal(), "mid_block.resnets.0")["mid_block.resnets.0"].shape == (1, 64, 8, 8)


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ("up_blocks.7.*", r"names none; self-attention is at .*attn1"),
        ("", "names none"),
        ("down_blocks.0", "expected modules that return a tensor; down_blocks.0 returned tuple"),
        ("*", "expected modules that return"),
        ("*.attn2.to_k", r"a map, or its tokens; .*to_k returned shape \[1, 8, 32\]"),
        ("up_blocks.*.to_out", "expected modules that a pass runs through; it skips .*to_out"),
        ("*.attn1 up_blocks.7.*", "'up_blocks.7.*' names none"),
        ("up_blocks.*.attn1@1/8", "resolution in up_blocks.*.attn1.*; its maps have 1, 1/2 of"),
        ("time_embedding@1", r"maps or their tokens at a site with an @; got shape \[1, 128\]"),
        ("*.attn2.to_k@1", r"at a site with an @; got shape \[1, 8, 32\]"),
        *(
            (f"*.attn1@{wrong}", "expected GLOB@1/4")
            for wrong in ("", "2", "1/3", "1..1/2", "x", "1/0")
        ),
        ("*.attn1.probs@1/2", "of modules"),
    ],
)
def test_sites_that_cannot_be_shown_are_named(sites: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        features(normal(), sites)
    assert hooks(UNET) == 0


@pytest.mark.parametrize("size", [(16, 16), (16, 8), (9, 5)])
@pytest.mark.parametrize(
    ("sides", "blocks"), [("1/2", {0}), ("1", {1}), ("1/2..1", {0, 1}), ("1/8..1/2", {0})]
)
def test_sites_by_resolution(sides: str, blocks: set[int], size: tuple[int, int]) -> None:
    """Tokens and maps alike, whatever the aspect, and odd sides too."""
    for glob in ("up_blocks.*.attn1", "up_blocks.*.resnets.1.conv2"):
        shown = features(normal(*size), f"{glob}@{sides}")
        assert {int(name.split(".")[1]) for name in shown} == blocks


def test_probabilities_are_meant_by_name_alone() -> None:
    names = select_modules(UNET, parse_sites("mid_block.attentions.*"))
    assert names
    assert not any(name.endswith(".probs") for name in names)
    assert all(
        name.endswith(".probs") for name in select_modules(UNET, parse_sites("mid_block.*.probs"))
    )


def test_a_module_meant_twice_is_hooked_once() -> None:
    seen: list[str] = []

    class Listing:
        sites = "up_blocks.*.attn1@1 *.attn1 up_blocks.0.*.attn1"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            seen.append(site)
            return h

    with BACKBONE.hooked(Listing()):
        eps(normal())
    assert len(seen) == len(set(seen)) == 7
