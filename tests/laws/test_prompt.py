"""Encoded prompts: rows, copies and further conditioning stay together."""

import pytest
import torch

from ids.backbones import GaussianWorld
from ids.core.prompt import Prompt
from ids.editing import MeteredBackbone

A = Prompt(torch.arange(12.0).view(2, 3, 2), {"pooled": torch.tensor([[1.0], [2.0]])})
B = Prompt(torch.ones(1, 3, 2), {"pooled": torch.tensor([[3.0]])})


def test_rows_and_copies_carry_the_extra_conditioning() -> None:
    both = Prompt.cat([A, B])
    assert (len(both), both.n_tokens) == (3, 3)
    assert both.extra["pooled"].flatten().tolist() == [1, 2, 3]
    for rows in (slice(1, 3), torch.tensor([1, 2])):
        assert torch.equal(both[rows].embedding, torch.cat([A.embedding[1:], B.embedding]))
        assert both[rows].extra["pooled"].flatten().tolist() == [2, 3]
    assert A.repeat(2).extra["pooled"].flatten().tolist() == [1, 2, 1, 2]
    assert torch.equal(A.repeat(2).embedding, A.embedding.repeat(2, 1, 1))
    moved = A.to(torch.device("meta"))
    assert {moved.embedding.device.type, moved.extra["pooled"].device.type} == {"meta"}
    assert A.with_embedding(B.embedding.repeat(2, 1, 1)).extra is A.extra


def test_prompts_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Prompt.extra\['pooled'\]: expected 2 rows"):
        Prompt(A.embedding, {"pooled": torch.ones(3, 1)})
    with pytest.raises(ValueError, match="the same extra conditioning"):
        Prompt.cat([A, Prompt(B.embedding)])


def test_a_backward_into_the_prompt_is_counted(world: GaussianWorld) -> None:
    """Null-text inversion differentiates in the prompt alone; one backward per row."""
    metered = MeteredBackbone(world)
    z, y = torch.ones(2, 3, 8, 8), Prompt(torch.ones(2, 3, requires_grad=True))
    metered.eps(z, y, torch.tensor([5, 5])).sum().backward()
    assert y.embedding.grad is not None
    assert (metered.nfe.forwards, metered.nfe.backwards) == (2, 2)
    metered.eps(z.requires_grad_(), y, torch.tensor([5, 5])).sum().backward()
    assert (metered.nfe.forwards, metered.nfe.backwards) == (4, 4)
