"""The contrastive loss of CDS on the attention outputs of one image."""

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy, normalize

from ids.core.rng import Randomness
from ids.methods import PatchNCE


def contrast(
    rule: PatchNCE, reference: Mapping[str, Tensor], current: Mapping[str, Tensor], rng: Randomness
) -> Tensor:
    """The sum over layers and patch sizes. Maps are tokens [1, h w, C] of square maps, by site."""
    total = torch.zeros((), device=next(iter(current.values())).device)
    for site, tokens in current.items():
        for size in rule.patch_sizes:
            source = _patches(reference[site].to(tokens.device), size)
            target = _patches(tokens, size)
            order = rng.permutation(f"patches {site}/{size}", len(target))
            chosen = order[0, : rule.n_patches].to(tokens.device)
            pair = normalize(source[chosen], dim=1), normalize(target[chosen], dim=1)
            total = total + _loss(*pair, rule.temperature)
    return total


def _patches(tokens: Tensor, size: int) -> Tensor:
    """[n, C]: means over squares of this side."""
    side = isqrt(tokens.shape[1])
    maps = tokens.transpose(1, 2).unflatten(2, (side, side))
    return avg_pool2d(maps, size).flatten(2)[0].T


def _loss(source: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the target patch at a source patch's place among all, [n, C] each."""
    positive = (source * target).sum(1, keepdim=True)
    negative = source @ target.T
    same = torch.eye(len(negative), dtype=torch.bool, device=negative.device)
    logits = torch.cat([positive, negative.masked_fill(same, -10)], dim=1) / temperature
    first = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return cross_entropy(logits, first)
