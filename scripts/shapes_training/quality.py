"""How good the shipped networks are, from fixed seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from ids.backbones import StableDiffusion
from ids.core.protocols import Backbone
from ids.core.rng import Streams
from ids.diffusion import Guided
from ids.diffusion.ddim import sample
from ids.shapes.classifier import Classifier
from ids.shapes.render import render
from ids.shapes.scene import COLOURS, FILLS, SHAPES, VALUES, Attribute
from shapes_training.autoencoder import scenes_of
from shapes_training.classifier import labels

SAMPLES = 240
STEPS = 50
GUIDANCE = 7.5


@dataclass(frozen=True)
class Quality:
    """Measured figures, and the samples they were measured on."""

    vae_psnr: float  # dB, 256 held-out scenes
    judge: dict[str, float]  # accuracy on 2000 held-out renders
    drawn: dict[str, float]  # share of samples that show what their caption says
    pictures: Float[Tensor, "N 3 S S"]

    def markdown(self) -> str:
        lines = [f"- autoencoder round trip on 256 scenes: PSNR {self.vae_psnr:.2f} dB"]
        for title, shares in (
            ("classifier on 2000 renders", self.judge),
            (
                f"{SAMPLES} samples of full captions ({STEPS} DDIM steps, guidance {GUIDANCE})",
                self.drawn,
            ),
        ):
            told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
            lines.append(f"- {title}: {told}")
        return "\n".join(lines)


def measure_quality(folder: Path) -> Quality:
    """Of the networks in this folder."""
    backbone = StableDiffusion(str(folder)).load(torch.device("cpu"))
    judge = load_classifier(folder)
    captions = [
        {"fill": fill, "colour": colour, "shape": shape}
        for shape, colour, fill in product(SHAPES, COLOURS, FILLS)
    ]
    asked = [captions[i % len(captions)] for i in range(SAMPLES)]
    pictures = draw(backbone, [f"a {c['fill']} {c['colour']} {c['shape']}" for c in asked])
    wanted = {a: torch.tensor([VALUES[a].index(c[a]) for c in asked]) for a in VALUES}
    held_out = scenes_of(0, "held-out-classifier", 0, 2000)
    renders = render(held_out)
    return Quality(
        vae_psnr=_round_trip(backbone),
        judge=_shares(judge, renders, labels(held_out)),
        drawn=_shares(judge, pictures, wanted),
        pictures=pictures,
    )


def load_classifier(folder: Path) -> Classifier:
    judge = Classifier()
    weights = load_file(folder / "classifier" / "model.safetensors")
    judge.load_state_dict({name: value.float() for name, value in weights.items()})
    return judge.eval().requires_grad_(False)


def draw(backbone: Backbone, texts: list[str], batch: int = 40) -> Tensor:
    """One DDIM sample per text, each with its own noise."""
    parts = []
    for at in range(0, len(texts), batch):
        chunk = texts[at : at + batch]
        rng = Streams.of(0, [f"sample-{at + i}" for i in range(len(chunk))])
        z_T = rng.normal("z_T", like=torch.empty(len(chunk), 12, 8, 8))
        y_null = backbone.prompt([""] * len(chunk))
        with torch.no_grad():
            z = sample(Guided(backbone, y_null, GUIDANCE), z_T, backbone.prompt(chunk), STEPS)
        parts.append(backbone.decode(z))
    return torch.cat(parts)


def _round_trip(backbone: Backbone) -> float:
    x = render(scenes_of(0, "held-out", 0, 256))
    y = backbone.decode(backbone.encode(x))
    return float((-10 * (y - x).square().mean((1, 2, 3)).log10()).mean())


def _shares(
    judge: Classifier, pictures: Tensor, wanted: Mapping[Attribute, Tensor]
) -> dict[str, float]:
    with torch.no_grad():
        logits = judge(pictures)
    return {a: float((logits[a].argmax(1) == wanted[a]).float().mean()) for a in VALUES}
