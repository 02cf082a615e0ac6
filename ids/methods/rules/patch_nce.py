"""The contrastive half of the contrastive denoising score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize

from ids.core.capabilities import FeatureBackbone, require
from ids.core.errors import DataError
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.rng import Randomness
from ids.core.tensors import Features, Latent, PerRow, to_device
from ids.diffusion.caching import noised

Patches = Float[Tensor, "B patches channels"]
Places = Int[Tensor, "B patches"]  # in reading order


@dataclass(frozen=True)
class PatchNCE:
    """PatchNCE on the network's self-attention (CDS: Nam et al. 2024, as released): a patch of the
    target should resemble the source's patch at the same place, and no other.

    The gradient passes through the network into z_trg. Features are the outputs of the layers at
    `sites` for the prompt's half, averaged over patches of each of the `patch_sizes` (pixels of the
    map along a side), at up to `n_patches` random places per row.

    As released, the source is the query and the negatives are the target's (in the original CUT it
    is the reverse). The released code takes square maps and the first image of a batch; here each
    row is compared with itself, and maps may have any aspect ratio.
    """

    sites: str = "up_blocks.*.attn1"
    patch_sizes: Sequence[int] = (1, 2)
    n_patches: int = 256
    temperature: float = 0.07

    needs: ClassVar[tuple[type, ...]] = (FeatureBackbone,)

    def __post_init__(self) -> None:
        sizes = list(self.patch_sizes)
        whole = all(type(size) is int and size >= 1 for size in sizes)
        if not sizes or not whole or len(set(sizes)) < len(sizes):
            raise ValueError(f"patch_sizes: expected different whole numbers from 1; got {sizes}")
        if self.n_patches < 2:
            raise ValueError(f"n_patches: expected 2 or more; got {self.n_patches}")
        if not self.temperature > 0:
            raise ValueError(f"temperature: expected more than 0; got {self.temperature}")

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """Unit features of the source at the drawn places, and the reference 0."""
        maps = self._maps(eps_phi, noised(eps_phi, z_src, draw), y_src, draw)
        places = self._places(maps, draw.rng)
        features = dict(self._patches(maps, places))
        return Anchor(draw, torch.zeros_like(z_src), features=features, places=places)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The gradient of the summed losses in z_trg."""
        z_t_trg = noised(eps_phi, z_trg, anchor.draw).detach().requires_grad_()
        with torch.enable_grad():
            maps = self._maps(eps_phi, z_t_trg, y_trg, anchor.draw)
            losses = self.losses_of(maps, anchor)
            (g,) = torch.autograd.grad(torch.stack([*losses.values()]).sum(), z_t_trg)
        return eps_phi.schedule.alpha(anchor.draw.t) * g

    def losses_of(self, maps: Mapping[str, Features], anchor: Anchor) -> dict[str, PerRow]:
        """Loss per row of the target's maps at each site and patch size, by `site/size`."""
        places = anchor.places or self._places(maps, anchor.draw.rng)
        return {
            place: patch_nce(anchor.features[place], patches, self.temperature).mean(1)
            for place, patches in self._patches(maps, places)
        }

    def _maps(
        self, eps_phi: Denoiser, z_t: Latent, y: Prompt, draw: Draw
    ) -> Mapping[str, Features]:
        return require(eps_phi, FeatureBackbone).features(z_t, y, draw.t, self.sites)[1]

    def _places(self, maps: Mapping[str, Features], rng: Randomness) -> dict[str, Places]:
        """Random places of each map, by `site/size`, for both halves of a step: drawn on the CPU,
        and copied to the device all at once. `DataError` for a patch that is larger than a map.
        """
        orders: dict[str, Places] = {}
        for site, h in maps.items():
            for size in self.patch_sizes:
                if size > min(h.shape[-2:]):
                    raise DataError(
                        f"patch_sizes: expected sizes up to {min(h.shape[-2:])}, the smallest side "
                        f"of the map at {site}; got {size}; leave it out, or take larger images"
                    )
                n = (h.shape[-2] // size) * (h.shape[-1] // size)
                order = rng.permutation(f"patches {site}/{size}", n)
                orders[f"{site}/{size}"] = order[:, : self.n_patches]
        together = to_device(torch.cat([*orders.values()], dim=1), h.device)
        parts = together.split([order.shape[1] for order in orders.values()], dim=1)
        return dict(zip(orders, parts, strict=True))

    def _patches(
        self, maps: Mapping[str, Features], places: Mapping[str, Places]
    ) -> Iterator[tuple[str, Patches]]:
        """Unit feature vectors [B, n, C] at the places of each map, by `site/size`."""
        for site, h in maps.items():
            for size in self.patch_sizes:
                pooled = h if size == 1 else avg_pool2d(h, size)
                vectors = pooled.flatten(2).transpose(1, 2)
                chosen = places[f"{site}/{size}"].unsqueeze(2).expand(-1, -1, h.shape[1])
                yield f"{site}/{size}", normalize(vectors.gather(1, chosen), dim=2)


def patch_nce(source: Patches, target: Patches, temperature: float) -> Float[Tensor, "B patches"]:
    """Cross-entropy of classifying which of n target patches is at a source patch's place: [B, n]
    of [B, n, C]. Among the negatives, the patch at the same place has the similarity -10.
    """
    similarity = source @ target.transpose(1, 2)
    positive = similarity.diagonal(dim1=1, dim2=2).unsqueeze(2)
    same = torch.eye(similarity.shape[1], dtype=torch.bool, device=similarity.device)
    logits = torch.cat([positive, similarity.masked_fill(same, -10)], dim=2) / temperature
    return logits.logsumexp(2) - logits[..., 0]
