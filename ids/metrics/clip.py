"""The CLIP that judges pictures by words (Radford et al. 2021), through open_clip. All metrics of
one configuration share one network.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.errors import ConfigError, WeightsError
from ids.core.tensors import Image
from ids.shapes import WEIGHTS
from ids.shapes.caption import said

SHAPES = "shapes"
FOLDER = "local-dir:"  # open_clip's word
WEIGHT_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
REMEMBERED = 64  # pictures whose features are kept
Feature = Float[Tensor, " D"]


@dataclass(frozen=True)
class Clip:
    """`model` is a name open_clip knows, `local-dir:FOLDER` in open_clip's layout, or `shapes`, the
    embedded world's own. `checkpoint` is, for a name, a file or a tag such as `openai`, which is
    taken from the hub or its cache; else null.

    OpenAI's weights need QuickGELU: a tag switches it on by itself, a file is taken at its model's
    word (`ViT-L-14-quickgelu`).
    """

    model: str = "ViT-L-14-quickgelu"
    checkpoint: str | None = "openai"

    def basis(self) -> str:
        """Model and digest of the weights; `WeightsError` where there are none."""
        name = self.model if self._folder is None else self._folder.name
        return f"{'shapes-clip' if self.model == SHAPES else name}-{_digest(self._weights())}"

    def understands(self, prompt: str) -> bool:
        """The embedded world's CLIP knows no other word."""
        return self.model != SHAPES or bool(said(prompt))

    def load(self) -> "LoadedClip":
        """The one network of this configuration."""
        return _loaded(self)

    @property
    def _folder(self) -> Path | None:
        if self.model == SHAPES:
            return WEIGHTS / "clip"
        return Path(self.model.removeprefix(FOLDER)) if self.model.startswith(FOLDER) else None

    def _weights(self) -> Path:
        """The file behind it. A tag may fetch it from the hub."""
        if self._folder is not None:
            return _in_folder(self._folder)
        if self.checkpoint is None:
            raise ConfigError(
                f"clip.checkpoint: expected a file or a tag; got none; {self.model} without "
                "weights would be random; clip.checkpoint=/path/to/weights"
            )
        if Path(self.checkpoint).is_file():
            return Path(self.checkpoint)
        return _fetched(self.model, self.checkpoint)


@dataclass(frozen=True)
class LoadedClip:
    """Unit vectors of pictures and of words."""

    network: Any
    preprocess: Any
    tokenize: Any
    device: torch.device
    _texts: dict[str, Feature] = field(default_factory=dict)
    _pictures: dict[str, Feature] = field(default_factory=dict)

    def picture(self, image: Image) -> Feature:
        """The last pictures are remembered: several metrics ask for the same."""
        content = hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()
        if content not in self._pictures:
            if len(self._pictures) >= REMEMBERED:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[content] = self._picture(image)
        return self._pictures[content]

    @torch.no_grad()
    def _picture(self, image: Image) -> Feature:
        from torchvision.transforms.functional import to_pil_image

        x = self.preprocess(to_pil_image(image)).unsqueeze(0).to(self.device)
        feature: Feature = self.network.encode_image(x, normalize=True)[0].cpu()
        return feature

    @torch.no_grad()
    def text(self, prompt: str) -> Feature:
        if prompt not in self._texts:
            tokens = self.tokenize([prompt]).to(self.device)
            self._texts[prompt] = self.network.encode_text(tokens, normalize=True)[0].cpu()
        return self._texts[prompt]


@cache
def _loaded(clip: Clip) -> LoadedClip:
    import open_clip

    name, file = clip.model, clip._weights()
    source = {"model_name": name, "pretrained": str(file)}
    if clip._folder is not None:
        name = f"{FOLDER}{clip._folder}"
        source = {"model_name": name}
    tag = open_clip.get_pretrained_cfg(clip.model, clip.checkpoint or "")
    try:
        network, _, preprocess = open_clip.create_model_and_transforms(
            **source, force_quick_gelu=bool(tag.get("quick_gelu")), weights_only=True
        )
    except (RuntimeError, KeyError, ValueError, AssertionError) as error:
        raise WeightsError(
            f"clip: expected weights of {clip.model} in {file}; they do not fit "
            f"({str(error).splitlines()[0]}); name the model they belong to: clip.model=..."
        ) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.float().eval().requires_grad_(False).to(device)
    return LoadedClip(network, preprocess, open_clip.get_tokenizer(name), device)


def _in_folder(folder: Path) -> Path:
    """open_clip's own names, in its own order."""
    for name in WEIGHT_NAMES:
        if (folder / name).is_file() and (folder / "open_clip_config.json").is_file():
            return folder / name
    raise WeightsError(
        f"clip: expected open_clip_config.json and open_clip_model.safetensors in {folder}; "
        "they are not there; check clip.model"
    )


@cache
def _fetched(model: str, tag: str) -> Path:
    import open_clip

    if model not in open_clip.list_models():
        raise ConfigError(
            f"clip.model: expected a model open_clip knows, {FOLDER}FOLDER or {SHAPES}; "
            f"got {model}; "
            'python -c "import open_clip; print(open_clip.list_models())" lists them'
        )
    known = open_clip.get_pretrained_cfg(model, tag)
    if not known:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model))
        raise WeightsError(
            f"clip.checkpoint: expected a file or a tag of {model} ({tags}); got {tag!r}, "
            "which is neither; check the path"
        )
    try:
        return Path(open_clip.download_pretrained(known))
    except Exception as error:  # the hub's client fails in many ways, all meaning: not to be had
        raise WeightsError(
            f"clip: expected the weights {tag!r} of {model} from the hub or its cache; they cannot "
            f"be had ({type(error).__name__}); fetch {known.get('hf_hub') or known.get('url')} "
            "elsewhere and set clip.checkpoint=/path/to/file"
        ) from error


@cache
def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:8]
