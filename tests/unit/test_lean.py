"""The UNet without its modules' bookkeeping: equal numbers; other networks use their modules."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor
from small_unet import inputs, network
from torch import Tensor

from ids.backbones import StableDiffusion
from ids.backbones.evaluation import Direct
from ids.backbones.lean import Lean, can_be_lean
from ids.backbones.tuning import tune
from ids.run import Engine

CPU = torch.device("cpu")


ALIKE: list[dict[str, Any]] = [  # what `Lean` may compute, too
    {},
    {"use_linear_projection": True},
    {"upcast_attention": True, "norm_num_groups": 4, "timestep_post_act": "silu"},
    {"layers_per_block": 2, "transformer_layers_per_block": 2, "downsample_padding": 0},
    {"resnet_out_scale_factor": 2.0, "cross_attention_norm": "layer_norm"},  # of other blocks
]


@pytest.mark.parametrize("options", ALIKE)
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


def test_hooks_see_the_modules_of_a_lean_network() -> None:
    backbone: Any = tune(StableDiffusion("shapes").load(CPU), Engine().tuning, CPU)
    assert isinstance(backbone.denoiser._evaluation, Lean)
    y, z = backbone.prompt(["a red disk"]), torch.randn(1, 12, 8, 8)
    with torch.no_grad():
        eps, maps = backbone.features(z, y, torch.tensor([500]), "up_blocks.*.attn1")
        assert maps
        torch.testing.assert_close(eps, backbone.eps(z, y, torch.tensor([500])))


@pytest.mark.parametrize("freeu", [None, (1.5, 1.4, 0.9, 0.2)])
def test_freeu_is_not_left_out(freeu: tuple[float, ...] | None) -> None:
    world = StableDiffusion("shapes", freeu=freeu)
    backbone, tuned = world.load(CPU), tune(world.load(CPU), Engine().tuning, CPU)
    assert isinstance(tuned.denoiser._evaluation, Lean if freeu is None else Direct)  # type: ignore[attr-defined]
    y, z, t = backbone.prompt(["a red disk"]), torch.randn(1, 12, 8, 8), torch.tensor([500])
    with torch.no_grad():
        torch.testing.assert_close(tuned.eps(z, y, t), backbone.eps(z, y, t))


def doubled(_: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (2 * args[0], *args[1:])


def hooked_conv(unet: Any) -> None:
    unet.conv_out.register_forward_pre_hook(doubled)


def hooked_block(unet: Any) -> None:
    unet.mid_block.register_forward_pre_hook(doubled)


def hooked_backward(unet: Any) -> None:
    unet.mid_block.resnets[0].register_full_backward_hook(lambda *_: None)


def normalized(unet: Any) -> None:
    conv = unet.mid_block.resnets[0].conv1
    conv.weight = None
    del conv.weight
    conv.register_forward_pre_hook(lambda m, _: setattr(m, "weight", torch.ones(32, 32, 3, 3)))


def unfused(unet: Any) -> None:
    unet.set_attn_processor(AttnProcessor())


LATER = [hooked_conv, hooked_block, hooked_backward, normalized, unfused]


@pytest.mark.parametrize("change", LATER)
def test_changes_of_a_lean_network_are_seen(change: Callable[[Any], None]) -> None:
    unet = network()
    calls: list[int] = []
    direct = Direct(unet)

    def counted(*inputs: Any) -> Tensor:
        calls.append(1)
        return direct(*inputs)

    lean = Lean.of(unet, counted)
    with torch.no_grad():
        lean(*inputs(), False)
        assert not calls
        change(unet)
        assert torch.equal(lean(*inputs(), False), direct(*inputs(), False))
        assert calls


def slicing(unet: Any) -> None:
    unet.set_attention_slice(1)


def training(unet: Any) -> None:
    unet.train()


def trainable(unet: Any) -> None:
    unet.conv_in.weight.requires_grad_()


def replaced(unet: Any) -> None:
    unet.mid_block.resnets[0].conv1 = torch.nn.Identity()


def dropping(unet: Any) -> None:
    unet.mid_block.resnets[0].dropout.train()


def patched(unet: Any) -> None:
    unet.mid_block.forward = lambda h, *_, **__: h


def freeu_of_diffusers(unet: Any) -> None:
    unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)


def adapted(unet: Any) -> None:
    """As a low-rank adapter does: its class is called Linear, too."""

    class Linear(torch.nn.Module):
        def __init__(self, base: torch.nn.Module) -> None:
            super().__init__()
            self.base_layer, self.lora_A = base, torch.nn.ModuleDict()

    attention = unet.mid_block.attentions[0].transformer_blocks[0].attn1
    attention.to_q = Linear(attention.to_q)


def crossing(unet: Any) -> None:
    unet.mid_block.attentions[0].transformer_blocks[0].only_cross_attention = True


def fused_projections(unet: Any) -> None:
    unet.fuse_qkv_projections()


def checkpointed(unet: Any) -> None:
    unet.enable_gradient_checkpointing()


BEFORE = [slicing, training, trainable, replaced, dropping, patched, freeu_of_diffusers, adapted]


@pytest.mark.parametrize("change", [*BEFORE, crossing, fused_projections, checkpointed, *LATER])
def test_other_networks_are_evaluated_by_their_modules(change: Callable[[Any], None]) -> None:
    unet = network()
    assert can_be_lean(unet)
    change(unet)
    assert not can_be_lean(unet)


OTHERS: list[dict[str, Any]] = [
    {"resnet_time_scale_shift": "scale_shift"},
    {"num_class_embeds": 3},
    {"class_embed_type": "timestep"},
    {"time_cond_proj_dim": 8},
    {"time_embedding_act_fn": "silu"},
    {"time_embedding_type": "fourier"},
    {"dual_cross_attention": True},
    {"only_cross_attention": True},
    {"mid_block_only_cross_attention": True},
    {"mid_block_scale_factor": 2.0},
    {"resnet_skip_time_act": True},
    {"attention_type": "gated"},
    {"addition_embed_type": "text", "addition_embed_type_num_heads": 4},
    {"encoder_hid_dim": 24},
    {"act_fn": "gelu"},
    {"center_input_sample": True},
    {"mid_block_type": "UNetMidBlock2D"},
]


@pytest.mark.parametrize("options", OTHERS, ids=lambda options: next(iter(options)))
def test_other_configurations_are_evaluated_by_their_modules(options: dict[str, Any]) -> None:
    assert not can_be_lean(network(**options))


def test_options_that_change_the_modules_leave_them_the_work() -> None:
    tuning = replace(Engine().tuning, checkpointing=True)
    backbone: Any = tune(StableDiffusion("shapes").load(CPU), tuning, CPU)
    assert isinstance(backbone.denoiser._evaluation, Direct)
