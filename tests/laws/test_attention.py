"""Hooks on attention probabilities: the same numbers, and no trace afterwards."""

from dataclasses import dataclass

import pytest
import torch
from recorded_sd import SD, UNET, normal
from torch import Tensor

from ids.core.errors import ConfigError


def test_hooked_attention_equals_the_fused_one() -> None:
    class Untouched:
        sites = "*.attn1.probs *.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            torch.testing.assert_close(h.sum(-1), torch.ones(h.shape[:-1]).double())
            return h

    z, t, y = normal(2, 1), torch.tensor([500, 7]), SD.prompt(["source", "target"])
    fused = SD.eps(z, y, t)
    with SD.hooked(Untouched()):
        opened = SD.eps(z, y, t)
    torch.testing.assert_close(opened, fused, rtol=1e-9, atol=1e-10)


def test_hooks_of_one_attention_stack() -> None:
    """The inner hook gets the output of the outer one; afterwards the network is unchanged."""

    @dataclass
    class Adding:
        by: float
        seen: float = 0.0
        sites = "mid_block.*.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            self.seen = float(h.sum())
            return h + self.by

    outer, inner, z, t = Adding(1.0), Adding(0.0), normal(1, 1), torch.tensor([500])
    before = SD.eps(z, SD.prompt(["source"]), t)
    with SD.hooked(outer), SD.hooked(inner):
        assert not torch.equal(SD.eps(z, SD.prompt(["source"]), t), before)
    assert inner.seen > outer.seen > 0
    assert torch.equal(SD.eps(z, SD.prompt(["source"]), t), before)


def test_attention_of_another_kind_is_refused() -> None:
    class Observing:
        sites = "mid_block.*.attn1.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            return h

    attention = UNET.mid_block.attentions[0].transformer_blocks[0].attn1
    attention.residual_connection = True
    try:
        with pytest.raises(ConfigError, match="has residual_connection"), SD.hooked(Observing()):
            pass
    finally:
        attention.residual_connection = False
