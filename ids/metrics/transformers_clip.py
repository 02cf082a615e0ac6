"""CLIP through transformers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.metrics.clip_pixels import Pixels, normalizer, pillow_bicubic
from ids.metrics.clip_source import Features, LoadedClip, Tokens, cut_with_end
from ids.metrics.feature_cache import AnyImage
from ids.metrics.transformers_folder import Preprocessing, TransformersFolder


@dataclass(frozen=True)
class TransformersClip:
    """`path` is a hub id or a local folder with `config.json`, `model.safetensors`,
    `preprocessor_config.json` and the tokenizer, as transformers saves a CLIPModel. With the same
    weights its numbers are those of `Clip`, up to float32 rounding.
    """

    path: str = "openai/clip-vit-large-patch14"

    def weights_id(self) -> str:
        """Name and digest; `WeightsError` where a file is missing."""
        return self._folder.weights_id()

    def understands(self, prompt: str) -> bool:
        """Any prompt."""
        return True

    def files(self) -> list[NeededFile]:
        """Of the folder or of the hub's cache."""
        return self._folder.files()

    def load(self, models: Models) -> LoadedClip:
        """The one network of this configuration. `WeightsError` where the weights do not fit."""
        return models.get(self, lambda: self._open(models.device))

    @property
    def _folder(self) -> TransformersFolder:
        return TransformersFolder(self.path, "clip", "clip.path")

    def _open(self, device: torch.device) -> LoadedClip:
        folder = self._folder
        model = folder.open("CLIPModel")
        tokenizer = folder.tokenizer(model.config.text_config.vocab_size)
        network = TransformersNetwork(model.to(device), tokenizer, folder.preprocessing(), device)
        return LoadedClip(network)


@dataclass(frozen=True)
class TransformersNetwork:
    """A CLIPModel with its tokenizer and the numbers of its preprocessing."""

    model: Any
    tokenizer: Any
    preprocessing: Preprocessing
    device: torch.device

    @property
    def side(self) -> int:
        """Of the square input, in pixels."""
        return self.preprocessing.side

    @property
    def context(self) -> int:
        """The number of tokens of the longest prompt."""
        return int(self.model.config.text_config.max_position_embeddings)

    def normalize(self, image: AnyImage) -> AnyImage:
        """By mean and deviation of the network's images."""
        return normalizer(self.preprocessing.mean, self.preprocessing.std)(image)

    def pixels(self, image: AnyImage) -> Pixels:
        """As OpenAI's: Pillow's bicubic filter on 8 bits."""
        return pillow_bicubic(self, image)

    def tokens(self, prompts: Sequence[str]) -> Tokens:
        """Cut with the end token kept."""
        return cut_with_end(self, prompts)

    def token_ids(self, prompt: str) -> list[int]:
        """From start to end token, not cut."""
        return list(self.tokenizer(prompt, truncation=False, verbose=False)["input_ids"])

    def image_features(self, pixels: torch.Tensor) -> Features:
        """Projected."""
        pooled = self.model.vision_model(pixel_values=pixels).pooler_output
        features: Features = self.model.visual_projection(pooled)
        return features

    def text_features(self, tokens: Tokens) -> Features:
        """Projected."""
        pooled = self.model.text_model(input_ids=tokens).pooler_output
        features: Features = self.model.text_projection(pooled)
        return features
