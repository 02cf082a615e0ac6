"""The finished folder: Stable Diffusion layout in fp16, model card, grid of samples."""

import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image as PIL
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

from ids.doctor.shapes import Quality, measure_quality
from ids.doctor.shapes_wide import measure_wide
from ids.images import to_pil
from ids.report.formats import markdown_table
from ids.shapes import WEIGHTS
from ids.shapes.caption import WIDE_WORDS
from shapes_training.clip import LAYOUT, PREPROCESSING
from shapes_training.course import Outcome
from shapes_training.diffusion import new_scheduler, new_tokenizer

CARD = Path(__file__).with_name("card.md")
WIDE_CARD = Path(__file__).with_name("card_wide.md")


@dataclass(frozen=True)
class Trained:
    """The outcome of every stage."""

    vae: Outcome
    unet: Outcome
    judge: Outcome
    clip: Outcome


@dataclass(frozen=True)
class WideTrained:
    """The outcome of every stage of the wide networks."""

    unet: Outcome
    judge: Outcome


def write_folder(out: Path, trained: Trained, seed: int, samples: int) -> None:
    """Write everything below `out`, then measure the quality of the written files."""
    _half(trained.vae.modules["vae"]).save_pretrained(out / "vae")
    _write_clip(out / "clip", trained.clip.modules["clip"])
    _write_parts(out, trained, new_tokenizer())
    quality = measure_quality(out, samples=samples)
    _write_card(out, CARD, trained, seed, quality)
    _write_grid(out / "samples.png", quality)
    print((out / "README.md").read_text())


def write_wide_folder(out: Path, trained: WideTrained, seed: int, samples: int) -> None:
    """As `write_folder`, of the wide networks. The autoencoder is the shipped one."""
    shutil.copytree(WEIGHTS / "vae", out / "vae", dirs_exist_ok=True)
    _write_parts(out, trained, new_tokenizer(WIDE_WORDS))
    quality = measure_wide(out, samples=samples)
    _write_card(out, WIDE_CARD, trained, seed, quality)
    _write_grid(out / "samples.png", quality)
    print((out / "README.md").read_text())


def _write_parts(out: Path, trained: Trained | WideTrained, tokenizer: CLIPTokenizer) -> None:
    _half(trained.unet.modules["unet"]).save_pretrained(out / "unet")
    _half(trained.unet.modules["text_encoder"]).save_pretrained(out / "text_encoder")
    tokenizer.save_pretrained(out / "tokenizer")
    new_scheduler().save_pretrained(out / "scheduler")
    _write_half(trained.judge.modules["classifier"], out / "classifier" / "model.safetensors")
    _write_index(out)


def _half(module: Any) -> Any:
    return module.half()


def _write_half(network: nn.Module, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, file)


def _write_clip(folder: Path, clip: nn.Module) -> None:
    """A local folder of open_clip, with the tokenizer beside it."""
    _write_half(clip, folder / "open_clip_model.safetensors")
    layout = {"model_cfg": LAYOUT, "preprocess_cfg": PREPROCESSING}
    (folder / "open_clip_config.json").write_text(json.dumps(layout, indent=2) + "\n")
    new_tokenizer().save_pretrained(folder)


def _write_index(out: Path) -> None:
    """The index for `StableDiffusionPipeline.from_pretrained`."""
    parts = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    index = {"_class_name": "StableDiffusionPipeline", "requires_safety_checker": False, **parts}
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def _write_card(
    out: Path, text: Path, trained: Trained | WideTrained, seed: int, quality: Quality
) -> None:
    files = list(out.rglob("*.safetensors"))
    rows: dict[str, float] = {}
    for stage in fields(trained):
        rows |= _row(stage.name, getattr(trained, stage.name))
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    table = markdown_table(quality.grid())
    card = text.read_text().format(seed=seed, megabytes=megabytes, quality=table, **rows)
    (out / "README.md").write_text(card)


def _row(name: str, outcome: Outcome) -> dict[str, float]:
    size = sum(p.numel() for p in outcome.modules.parameters()) / 1e6
    return {
        f"{name}_size": size,
        f"{name}_samples": outcome.samples,
        f"{name}_minutes": outcome.minutes,
    }


def _write_grid(path: Path, quality: Quality) -> None:
    images = quality.images[:72]
    side = images.shape[-1]
    grid = PIL.new("RGB", (12 * side, 6 * side))
    for index, image in enumerate(images):
        grid.paste(to_pil(image), (index % 12 * side, index // 12 * side))
    grid.save(path)
