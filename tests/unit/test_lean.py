"""The UNet without its modules' bookkeeping: equal numbers, keys of a prompt once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from ids.backbones import StableDiffusion, text_keys
from ids.backbones.evaluation import Direct
from ids.backbones.lean import Lean, can_be_lean
from ids.backbones.tuning import tune
from ids.run import Engine

CPU = torch.device("cpu")


def network(**options: Any) -> Any:
    torch.manual_seed(0)
    levels = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
    unet: Any = UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        down_block_types=levels[0],
        up_block_types=levels[1],
        block_out_channels=(16, 32),
        norm_num_groups=8,
        cross_attention_dim=24,
        layers_per_block=1,
        attention_head_dim=4,
        **options,
    )
    return unet.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def unet() -> Any:
    return network()


def inputs(rows: int = 3, side: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(rows)
    z, text = (torch.randn(rows, *s, generator=rng) for s in ((4, side, side), (5, 24)))
    return z, torch.linspace(20, 900, rows).long(), text


@contextmanager
def projections(unet: Any) -> Iterator[list[int]]:
    """The rows of each text that a key projection gets."""
    rows: list[int] = []
    cross = [m.attn2.to_k for n, m in unet.named_modules() if n.endswith("transformer_blocks.0")]
    hook = cross[0].register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    try:
        yield rows
    finally:
        hook.remove()


@pytest.mark.parametrize("options", [{}, {"use_linear_projection": True}])
@pytest.mark.parametrize("side", [8, 7])  # 7: the upsampler has to be given the size
def test_the_numbers_are_those_of_the_modules(options: dict[str, Any], side: int) -> None:
    unet = network(**options)
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    assert can_be_lean(unet)
    for rows in (1, 3):
        z, t, text = inputs(rows, side)
        with torch.no_grad():
            wanted = direct(z, t, text, False)
            assert wanted.std() > 0.1
            for _ in range(2):  # the second time with keys that were kept
                assert torch.equal(lean(z, t, text, False), wanted)
        z.requires_grad_()
        found, expected = (
            torch.autograd.grad(evaluate(z, t, text, False).square().sum(), z)[0]
            for evaluate in (lean, direct)
        )
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_keys_of_a_text_are_computed_once_for_each_distinct_row(unet: Any) -> None:
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, text = inputs(4)
    twice = torch.cat([text[:2], text[:2]])
    with torch.no_grad(), projections(unet) as seen:
        found = [lean(z, t, twice.view_as(twice), False) for _ in range(3)]
        assert seen == [2]
    with torch.no_grad():
        wanted = direct(z, t, twice, False)
    assert torch.equal(found[0], found[2])
    torch.testing.assert_close(found[0], wanted, atol=1e-5, rtol=1e-4)


def test_a_text_changed_in_place_has_new_keys(unet: Any) -> None:
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, text = inputs()
    with torch.no_grad():
        lean(z, t, text, False)
        text.mul_(2)
        assert torch.equal(lean(z, t, text, False), direct(z, t, text, False))


def test_a_gradient_reaches_the_text(unet: Any) -> None:
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, text = inputs()
    with torch.no_grad():
        lean(z, t, text, False)  # kept keys have no graph
    text.requires_grad_()
    found, expected = (
        torch.autograd.grad(evaluate(z, t, text, False).square().sum(), text)[0]
        for evaluate in (lean, direct)
    )
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_memory_of_kept_keys_is_bounded(unet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = Lean.of(unet, Direct(unet))
    z, t, _ = inputs()
    texts = [torch.randn(3, 5, 24) for _ in range(text_keys.KEPT + 1)]
    with projections(unet) as seen:
        for text in (*texts, texts[-1], texts[0]):
            lean(z, t, text, False)
        assert len(seen) == len(texts) + 1  # the oldest anew
        assert len(lean.keys._known) == text_keys.KEPT
        monkeypatch.setattr(text_keys, "LIMIT", 1)
        for _ in range(2):
            lean(z, t, texts[1], False)
        assert len(seen) == len(texts) + 3


def test_hooks_see_the_modules_of_a_lean_network() -> None:
    backbone: Any = tune(StableDiffusion("shapes").load(CPU), Engine().tuning, CPU)
    assert isinstance(backbone.denoiser._evaluation, Lean)
    y, z = backbone.prompt(["a red disk"]), torch.randn(1, 12, 8, 8)
    with torch.no_grad():
        eps, maps = backbone.features(z, y, torch.tensor([500]), "up_blocks.*.attn1")
        assert maps
        torch.testing.assert_close(eps, backbone.eps(z, y, torch.tensor([500])))


def slicing(unet: Any) -> None:
    unet.set_attention_slice(1)


def training(unet: Any) -> None:
    unet.train()


def trainable(unet: Any) -> None:
    unet.conv_in.weight.requires_grad_()


def replaced(unet: Any) -> None:
    unet.mid_block.resnets[0].conv1 = torch.nn.Identity()


@pytest.mark.parametrize("change", [slicing, training, trainable, replaced])
def test_other_networks_are_evaluated_by_their_modules(change: Callable[[Any], None]) -> None:
    unet = network()
    change(unet)
    assert not can_be_lean(unet)


@pytest.mark.parametrize(
    "options", [{"resnet_time_scale_shift": "scale_shift"}, {"num_class_embeds": 3}]
)
def test_other_configurations_are_evaluated_by_their_modules(options: dict[str, Any]) -> None:
    assert not can_be_lean(network(**options))


def test_options_that_change_the_modules_leave_them_the_work() -> None:
    tuning = replace(Engine().tuning, checkpointing=True)
    backbone: Any = tune(StableDiffusion("shapes").load(CPU), tuning, CPU)
    assert isinstance(backbone.denoiser._evaluation, Direct)
