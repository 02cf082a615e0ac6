"""Objects in images, by their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.clip_pixels import normalizer
from ids.metrics.feature_cache import AnyImage
from ids.metrics.transformers_folder import Preprocessing, TransformersFolder

ObjectMask = Bool[Tensor, "height width"]


@runtime_checkable
class ObjectMasks(Protocol):
    """Finds the edited object."""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited]
    ) -> Sequence[ObjectMask | None]:
        """Its pixels in each edit, at the edit's size; None where it is not known."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """The configuration of `ObjectMasks`: a network such as `ClipSeg`, or one of your own."""

    def weights_id(self) -> str:
        """All that decides its masks. `WeightsError` where a file is missing."""
        ...

    def files(self) -> Sequence[NeededFile]:
        """The files that it reads."""
        ...

    def load(self, models: Models) -> ObjectMasks:
        """Loaded once. `WeightsError` where weights do not fit."""
        ...


@dataclass(frozen=True)
class ClipSeg:
    """CLIPSeg (Lüddecke and Ecker 2022) through transformers. `path` is a hub id or a local folder;
    a pixel belongs to the object where the network's probability exceeds `threshold`.

    The object's name is the target's blend word where the case has one, else the target prompt.
    """

    path: str = "CIDAS/clipseg-rd64-refined"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(
                f"threshold: expected a probability between 0 and 1; got {self.threshold}"
            )

    def weights_id(self) -> str:
        """Name, digest and threshold; `WeightsError` where a file is missing."""
        return f"{self._folder.weights_id()} at {self.threshold:g}"

    def files(self) -> list[NeededFile]:
        """Of the folder or of the hub's cache."""
        return self._folder.files()

    def load(self, models: Models) -> "LoadedClipSeg":
        """The network, the same for all thresholds. `WeightsError` where weights do not fit."""
        network = models.get(self._folder, lambda: self._open(models.device))
        return LoadedClipSeg(network, self.threshold)

    @property
    def _folder(self) -> TransformersFolder:
        return TransformersFolder(self.path, "clipseg", "metrics.iou.segmenter.path")

    def _open(self, device: torch.device) -> "ClipSegNetwork":
        folder = self._folder
        model = folder.open("CLIPSegForImageSegmentation")
        tokenizer = folder.tokenizer(model.config.text_config.vocab_size)
        return ClipSegNetwork(model.to(device), tokenizer, folder.preprocessing(), device)


@dataclass(frozen=True)
class ClipSegNetwork:
    """A network of transformers with its tokenizer and the numbers of its preprocessing."""

    model: Any
    tokenizer: Any
    preprocessing: Preprocessing
    device: torch.device

    @torch.no_grad()
    def probabilities(
        self, images: Sequence[AnyImage], words: Sequence[str]
    ) -> Float[Tensor, "B side side"]:
        """That each position of an image shows its words, at the network's resolution."""
        found, side = self.preprocessing, self.preprocessing.side
        normalize = normalizer(found.mean, found.std)
        pixels = [normalize(_resized(image.to(self.device), side)) for image in images]
        context = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(
            list(words),
            padding="max_length",
            truncation=True,
            max_length=context,
            return_tensors="pt",
        ).to(self.device)
        logits = self.model(
            pixel_values=torch.stack(pixels),
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        ).logits
        probabilities: Tensor = logits.view(len(images), *logits.shape[-2:]).sigmoid()
        return probabilities


@dataclass(frozen=True)
class LoadedClipSeg:
    """The network and the threshold of its probabilities."""

    network: ClipSegNetwork
    threshold: float

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited]
    ) -> list[ObjectMask | None]:
        """The object that each target prompt names."""
        if not cases:
            return []
        images = [edited.image for edited in edits]
        found = self.network.probabilities(images, [object_name(case) for case in cases]).cpu()
        return [
            F.interpolate(p[None, None], tuple(image.shape[-2:]), mode="bilinear")[0, 0]
            > self.threshold
            for p, image in zip(found, images, strict=True)
        ]


def object_name(case: EditCase) -> str:
    """The target's blend word where the case has one, else the target prompt."""
    word = case.blend_words[1] if case.blend_words else ""
    return word.strip() or case.prompt_trg


def _resized(image: AnyImage, side: int) -> AnyImage:
    """To a square."""
    return F.interpolate(image.unsqueeze(0), (side, side), mode="bilinear", antialias=True)[0]
