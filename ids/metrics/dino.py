"""The self-similarity of DINO's keys (Caron et al. 2021; Tumanyan et al. 2022, "Splicing ViT
Features"), through timm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.protocols import Models
from ids.core.tensors import Images
from ids.core.weight_files import check_content, differences, digest_of, one_line, tensors_in
from ids.images import LEVELS, eight_bit
from ids.metrics.clip_pixels import normalizer
from ids.metrics.feature_cache import AnyImage, FeatureCache
from ids.metrics.weights import check_weights

URL = "https://dl.fbaipublicfiles.com/dino/dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth"
SIDE = 224  # of the network's input, in pixels
BLOCK = 11  # whose keys are compared, the last of DINO's networks
normalize = normalizer((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet's
REMEMBERED = 16  # matrices, of 2.5 MB at patch 8
Keys = Float[Tensor, "B tokens channels"]
Similarities = Float[Tensor, "B tokens tokens"]


@dataclass(frozen=True)
class DinoInput:
    """Resized to 224 x 224 by a bilinear filter, then normalized. `levels` leaves the values at
    0 .. 255, where the network was trained on [0, 1].
    """

    levels: bool = False
    antialias: bool = True

    def __call__(self, image: AnyImage) -> AnyImage:
        """[3, 224, 224]."""
        x = (eight_bit(image) * LEVELS).round() if self.levels else image
        resized = F.interpolate(
            x.unsqueeze(0), (SIDE, SIDE), mode="bilinear", antialias=self.antialias
        )
        return normalize(resized[0])


@dataclass(frozen=True)
class Dino:
    """`weights` is a state dict with the names of DINO's released code, null for ViT-B/8 where
    torch.hub keeps it. Depth, width and patch are read from it; the number of `heads` cannot be.
    """

    weights: str | None = None
    heads: int = 12

    def weights_id(self) -> str:
        """Heads and digest of the file; `WeightsError` where it is missing."""
        return f"dino-{self.heads}-heads-{digest_of(self._checked())[:8]}"

    def files(self) -> list[NeededFile]:
        """The state dict. Its publisher gives no hash."""
        return [needed_file("DINO ViT-B/8", self._file, f"fetch {URL} into it", URL)]

    def load(self, models: Models) -> "LoadedDino":
        """The one network of these weights. `WeightsError` where they do not fit or hold NaN."""
        return models.get(self, lambda: LoadedDino(self._open().to(models.device), models.device))

    @property
    def _file(self) -> Path:
        if self.weights is not None:
            return Path(self.weights).expanduser()
        return Path(torch.hub.get_dir(), "checkpoints", Path(URL).name)

    def _checked(self) -> Path:
        file = self._file
        if not file.is_file():
            raise WeightsError(
                f"dino.weights: expected DINO's state dict in {file}; found no such file; "
                f"fetch {URL} into it, or name a copy: metrics.NAME.dino.weights=/path/{file.name}"
            )
        check_content(file, f"dino.weights: {file}")
        return file

    def _open(self) -> Any:
        from timm.models.vision_transformer import VisionTransformer

        file = self._checked()
        state = _state(file)
        try:
            shape = _shape(state)
            if shape["embed_dim"] % self.heads:
                raise _misfit(file, f"{shape['embed_dim']} channels do not divide by {self.heads}")
            network = VisionTransformer(num_heads=self.heads, num_classes=0, **shape)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _misfit(file, one_line(error)) from error
        wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        if misfits := differences(wanted, {name: tuple(x.shape) for name, x in state.items()}):
            raise _misfit(file, misfits)
        network.load_state_dict(state)
        check_weights(network, "dino.weights", file)
        return network.float().eval().requires_grad_(False)


@dataclass(frozen=True)
class LoadedDino:
    """The network. The newest matrices are remembered, on its device: every edit of a source needs
    the source's.
    """

    network: Any
    device: torch.device
    _remembered: FeatureCache = field(default_factory=lambda: FeatureCache(REMEMBERED))

    @torch.no_grad()
    def keys(self, pixels: Images) -> Keys:
        """Of block 11 (from 0), as in Splicing ViT Features, or the last of a shallower network:
        all heads side by side, class token first.
        """
        network = self.network
        *before, last = network.blocks[: BLOCK + 1]
        tokens = network.norm_pre(network._pos_embed(network.patch_embed(pixels.to(self.device))))
        for block in before:
            tokens = block(tokens)
        keys: Keys = last.attn.qkv(last.norm1(tokens)).chunk(3, dim=-1)[1]
        return keys

    def self_similarities(self, images: Sequence[AnyImage], to_pixels: DinoInput) -> Similarities:
        """Of RGB images in [0, 1] of any sizes: cosines of the keys of all pairs of tokens."""

        def encode(new: list[AnyImage]) -> Similarities:
            pixels = torch.stack([to_pixels(image.to(self.device)) for image in new])
            return self_similarity(self.keys(pixels))

        keys = [(to_pixels, self._remembered.digest(image)) for image in images]
        return self._remembered(keys, images, encode)


def self_similarity(keys: Keys) -> Similarities:
    """Cosines of all pairs of tokens; the product of two norms is at least 1e-8."""
    norms = keys.norm(dim=2, keepdim=True)
    similarities: Similarities = (keys @ keys.mT) / (norms @ norms.mT).clamp(min=1e-8)
    return similarities


def structure_distances(
    dino: LoadedDino,
    to_pixels: DinoInput,
    sources: Sequence[AnyImage],
    edits: Sequence[AnyImage],
) -> list[float]:
    """Mean squared difference of the self-similarities of each source and its edit."""
    both = dino.self_similarities([*edits, *sources], to_pixels)
    x, y = both.split(len(edits))
    distances: list[float] = (x - y).square().mean((1, 2)).tolist()
    return distances


def _state(file: Path) -> Mapping[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return dict(tensors_in(file, f"dino.weights: {file}"))
        found = torch.load(file, map_location="cpu", weights_only=True)
        return {str(name): value for name, value in found.items() if value.ndim >= 0}
    except WeightsError:
        raise
    except Exception as error:  # torch raises many types; each means that the file is unreadable
        raise _misfit(file, one_line(error)) from error


def _shape(state: Mapping[str, Tensor]) -> dict[str, int]:
    """The arguments of the network that shapes decide."""
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    depth = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
    return {"embed_dim": width, "patch_size": patch, "depth": depth, "img_size": SIDE}


def _misfit(file: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"dino.weights: expected DINO's state dict of a vision transformer in {file}; it does not "
        f"fit ({reason}); check metrics.NAME.dino, or fetch {URL} again"
    )
