"""The finished folder: Stable Diffusion layout in fp16, its model card, and a sample grid to look
at.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image as PIL
from safetensors.torch import save_file
from torch import nn

from ids.run.store import to_pil
from shapes_training.course import Outcome
from shapes_training.diffusion import new_scheduler, new_tokenizer
from shapes_training.quality import Quality, measure_quality

CARD = Path(__file__).with_name("card.md")


def write_folder(out: Path, vae: Outcome, unet: Outcome, judge: Outcome, seed: int) -> None:
    """Write everything below `out`, then measure what was written, as it was written."""
    scheduler, tokenizer = new_scheduler(), new_tokenizer()
    _half(vae.modules["vae"]).save_pretrained(out / "vae")
    _half(unet.modules["unet"]).save_pretrained(out / "unet")
    _half(unet.modules["text_encoder"]).save_pretrained(out / "text_encoder")
    tokenizer.save_pretrained(out / "tokenizer")
    scheduler.save_pretrained(out / "scheduler")
    _write_classifier(out / "classifier", judge.modules["classifier"])
    _write_index(out)
    for module in (vae, unet, judge):
        module.modules.float()
    quality = measure_quality(out)
    _write_card(out, vae, unet, judge, seed, quality)
    _write_grid(out / "samples.png", quality)
    print((out / "README.md").read_text())


def _half(module: Any) -> Any:
    return module.half()


def _write_classifier(folder: Path, classifier: nn.Module) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in classifier.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def _write_index(out: Path) -> None:
    """What makes `StableDiffusionPipeline.from_pretrained` open the folder too."""
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
    out: Path, vae: Outcome, unet: Outcome, judge: Outcome, seed: int, quality: Quality
) -> None:
    files = list(out.rglob("*.safetensors"))
    (out / "README.md").write_text(
        CARD.read_text().format(
            seed=seed,
            megabytes=sum(file.stat().st_size for file in files) / 1e6,
            quality=quality.markdown(),
            **_row("vae", vae),
            **_row("unet", unet),
            **_row("judge", judge),
        )
    )


def _row(name: str, outcome: Outcome) -> dict[str, float]:
    size = sum(p.numel() for p in outcome.modules.parameters()) / 1e6
    return {
        f"{name}_size": size,
        f"{name}_samples": outcome.samples,
        f"{name}_minutes": outcome.minutes,
    }


def _write_grid(path: Path, quality: Quality) -> None:
    pictures = quality.pictures[:72]
    side = pictures.shape[-1]
    grid = PIL.new("RGB", (12 * side, 6 * side))
    for index, picture in enumerate(pictures):
        grid.paste(to_pil(picture), (index % 12 * side, index // 12 * side))
    grid.resize((24 * side, 12 * side), PIL.Resampling.LANCZOS).save(path)
