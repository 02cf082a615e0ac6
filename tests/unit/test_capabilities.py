"""What methods need and backbones give, before and after weights are loaded."""

from pathlib import Path

import pytest
import torch

from ids.backbones import Gaussian, GaussianWorld, StableDiffusion, StableDiffusion3
from ids.core.capabilities import (
    NAMES,
    FeatureBackbone,
    HookedBackbone,
    PosteriorSchedule,
    iter_components,
    needs,
    require,
)
from ids.core.errors import DataError, UnsupportedError
from ids.core.prompt import Prompt
from ids.core.protocols import BackboneSource
from ids.diffusion import Flow, Guided
from ids.editing import MeteredBackbone, NullEdit
from ids.methods import DDS, FPR, PDS, PatchNCE, Refined, Sum


def test_a_source_gives_what_the_loaded_backbone_has(tiny_sd: Path, tiny_sd3: Path) -> None:
    for source in (Gaussian(), StableDiffusion(str(tiny_sd)), StableDiffusion3(str(tiny_sd3))):
        assert isinstance(source, BackboneSource)
        backbone = source.load(torch.device("cpu"))
        for capability in NAMES:
            has = isinstance(backbone, capability) or isinstance(backbone.schedule, capability)
            assert has == (capability in source.gives), (source, capability)


def test_needs_are_found_at_any_depth() -> None:
    cds = Sum({"dds": DDS(), "cut": PatchNCE()}, {"dds": 1.0, "cut": 1.0})
    assert needs(Refined(cds, FPR())) == {FeatureBackbone: "PatchNCE"}
    assert needs({"a": [], "b": Refined(PDS(), FPR())}) == {PosteriorSchedule: "PDS"}
    assert needs(DDS()) == needs(NullEdit()) == {}
    names = [type(part).__name__ for part in iter_components(Refined(cds, FPR()))]
    assert names == ["Refined", "Sum", "DDS", "PatchNCE", "FPR"]


def test_a_missing_capability_is_named(world: GaussianWorld) -> None:
    z, y, t = torch.zeros(1, 3, 4, 4), Prompt(torch.zeros(1, 3)), torch.tensor([5])
    guided = Guided(MeteredBackbone(world), y, 2.0)
    with pytest.raises(UnsupportedError, match="GaussianWorld: expected one that gives features"):
        guided.features(z, y, t, "*")
    with pytest.raises(UnsupportedError, match="Flow: expected one that gives posterior"):
        require(Flow(), PosteriorSchedule)
    with pytest.raises(UnsupportedError, match="hooks"):
        require(world, HookedBackbone)


@pytest.mark.parametrize("weights", [{}, {"dds": 1.0, "cds": 2.0}])
def test_a_sum_needs_a_weight_for_every_term(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="the same names"):
        Sum({"dds": DDS()}, weights)


def test_one_text_is_no_list_of_prompts(world: GaussianWorld) -> None:
    with pytest.raises(DataError, match=r"prompt: expected a list of texts; .*\['a cat'\]"):
        world.prompt("a cat")
