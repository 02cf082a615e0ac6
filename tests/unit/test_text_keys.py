"""Keys and values of a prompt are computed once, and again where anything changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from small_unet import inputs, network
from torch import Tensor

from ids.backbones import text_keys
from ids.backbones.evaluation import Direct
from ids.backbones.lean import Lean


@pytest.fixture(scope="module")
def unet() -> Any:
    return network()


@contextmanager
def projections(unet: Any) -> Iterator[list[int]]:
    """The rows of each text that a key projection gets."""
    rows: list[int] = []
    to_k = unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_k
    forward = to_k.forward

    def noted(text: Tensor) -> Tensor:
        rows.append(len(text))
        return forward(text)  # type: ignore[no-any-return]

    to_k.forward = noted
    try:
        yield rows
    finally:
        del to_k.forward


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


def test_keys_follow_weights_changed_in_place() -> None:
    unet = network()
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, text = inputs()
    with torch.no_grad():
        lean(z, t, text, False)
        unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_v.weight.mul_(3)
        assert torch.equal(lean(z, t, text, False), direct(z, t, text, False))


def test_keys_of_autocast_and_inference_mode_are_not_kept(unet: Any) -> None:
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, text = inputs()
    with torch.inference_mode():
        lean(z, t, text, False)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(lean(z, t, text, False), direct(z, t, text, False))
    z.requires_grad_()
    found, expected = (evaluate(z, t, text, False) for evaluate in (lean, direct))
    assert torch.equal(found, expected)
    found.sum().backward()  # inference tensors cannot be saved for it


@torch.no_grad()
def test_threads_share_the_keys(unet: Any) -> None:
    direct, lean = Direct(unet), Lean.of(unet, Direct(unet))
    z, t, _ = inputs()
    texts = [torch.randn(3, 5, 24) for _ in range(5)]
    wanted = [direct(z, t, text, False) for text in texts]

    @torch.no_grad()
    def call(i: int) -> bool:
        return torch.equal(lean(z, t, texts[i], False), wanted[i])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, [k % 5 for k in range(40)]))
    assert len(lean.keys._known) <= text_keys.KEPT
