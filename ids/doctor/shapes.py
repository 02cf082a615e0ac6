"""`ids doctor shapes`: the quality of the embedded networks, on fixed seeds not used in training,
against required values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from ids.backbones import StableDiffusion
from ids.core.protocols import Backbone
from ids.core.rng import Streams
from ids.diffusion import Guided
from ids.diffusion.ddim import evenly, sample
from ids.metrics import Clip
from ids.report.render import TextGrid
from ids.shapes import WEIGHTS
from ids.shapes.classifier import Classifier
from ids.shapes.judge import load_classifier
from ids.shapes.render import render
from ids.shapes.scene import COLOURS, FILLS, SHAPES, VALUES, Attribute, Scene, Values, draw_scene

SAMPLES, STEPS, GUIDANCE = 240, 50, 7.5
BATCH = 40
LATENT = (12, 8, 8)
GOALS: dict[Attribute, float] = {"colour": 0.98, "shape": 0.95, "fill": 0.90}
SCENES = {"autoencoder": 256, "classifier": 2000, "clip": 1000}
Bar = Callable[[Sequence[int], str], Iterable[int]]


@dataclass(frozen=True)
class Finding:
    """A measured value and the least it must be."""

    what: str
    value: float  # dB, or a share in [0, 1]
    goal: float
    unit: str  # dB, or % for a share

    @property
    def reached(self) -> bool:
        """Whether the value is at least the goal."""
        return self.value >= self.goal

    def text(self, value: float, digits: int) -> str:
        """A value in the finding's unit, such as `97.5 %`."""
        return f"{value:.{digits}f} dB" if self.unit == "dB" else f"{100 * value:.{digits}f} %"


@dataclass(frozen=True)
class Quality:
    """Findings, and the samples they were measured on."""

    findings: tuple[Finding, ...]
    images: Float[Tensor, "N 3 S S"]

    def grid(self) -> TextGrid:
        """A table of all findings."""
        lines = [
            (f.what, f.text(f.value, 2), f.text(f.goal, 0), "yes" if f.reached else "NO")
            for f in self.findings
        ]
        return TextGrid(
            "the embedded world's networks", ("what", "found", "goal", "reached"), tuple(lines)
        )


def examine_shapes() -> int:
    """Print the findings for the shipped networks; 1 if a goal is missed."""
    quality = measure_quality(WEIGHTS, lambda steps, what: track(steps, what, transient=True))
    quality.grid().print(Console(width=110))
    return int(not all(finding.reached for finding in quality.findings))


def measure_quality(
    folder: Path,
    bar: Bar = lambda steps, _: steps,
    samples: int = SAMPLES,
    steps: int = STEPS,
) -> Quality:
    """The quality of the networks in a folder, from `samples` images of `steps` DDIM steps each."""
    backbone = StableDiffusion(str(folder)).load(torch.device("cpu"))
    classifier = load_classifier(folder / "classifier" / "model.safetensors")
    clip = Clip(f"local-dir:{folder / 'clip'}", None)
    captions = full_captions(samples)
    images = torch.cat(list(drawn(backbone, [_text(c) for c in captions], steps, bar)))
    shown = shares(classifier, images, captions)
    scenes = _held_out("held-out-classifier", SCENES["classifier"])
    read = shares(classifier, render(scenes), [_attributes(scene) for scene in scenes])
    renders = f"{SCENES['classifier']} held-out renders"
    sampling = f"{samples} samples, {steps} DDIM steps, guidance {GUIDANCE}"
    encoded = f"{SCENES['autoencoder']} held-out scenes"
    ranked = f"CLIP: right one of 36 captions first, {SCENES['clip']} held-out renders"
    findings = (
        Finding(f"autoencoder PSNR, {encoded}", _round_trip(backbone), 30.0, "dB"),
        *(Finding(f"classifier: {a}, {renders}", read[a], 0.98, "%") for a in VALUES),
        *(
            Finding(f"drawn as in the prompt: {a}, {sampling}", shown[a], goal, "%")
            for a, goal in GOALS.items()
        ),
        Finding(ranked, _ranked_first(clip), 0.90, "%"),
    )
    return Quality(findings, images)


def _held_out(name: str, count: int) -> list[Scene]:
    rng = np.random.default_rng([0, *name.encode(), 0])
    return [draw_scene(rng) for _ in range(count)]


def _attributes(scene: Scene) -> dict[Attribute, str]:
    return {a: getattr(scene, a) for a in VALUES}


def full_captions(count: int) -> list[dict[Attribute, str]]:
    """The first ones of all combinations of the attributes, again and again."""
    every: list[dict[Attribute, str]] = [
        {"fill": fill, "colour": colour, "shape": shape}
        for shape, colour, fill in product(SHAPES, COLOURS, FILLS)
    ]
    return [every[i % len(every)] for i in range(count)]


def _text(caption: Mapping[Attribute, str]) -> str:
    return f"a {caption['fill']} {caption['colour']} {caption['shape']}"


def drawn(backbone: Backbone, texts: list[str], steps: int, bar: Bar) -> Iterator[Tensor]:
    """One DDIM sample per text, from independent noise."""
    for at in bar(range(0, len(texts), BATCH), "drawing"):
        chunk = texts[at : at + BATCH]
        rng = Streams.of(0, [f"sample-{at + i}" for i in range(len(chunk))])
        z_T = rng.normal("z_T", like=torch.empty(len(chunk), *LATENT))
        y_null = backbone.prompt([""] * len(chunk))
        with torch.no_grad():
            times = evenly(steps, backbone.schedule.n_timesteps)
            z = sample(Guided(backbone, y_null, GUIDANCE), z_T, backbone.prompt(chunk), times)
        yield backbone.decode(z)


def _round_trip(backbone: Backbone) -> float:
    x = render(_held_out("held-out", SCENES["autoencoder"]))
    y = backbone.decode(backbone.encode(x))
    return float((-10 * (y - x).square().mean((1, 2, 3)).log10()).mean())


@torch.no_grad()
def shares(
    classifier: Classifier,
    images: Tensor,
    wanted: Sequence[Mapping[Any, str]],
    values: Values = VALUES,
) -> dict[str, float]:
    """Share of images in which each attribute is read as wanted, of those with a wanted value."""
    read = {a: logits.argmax(1).tolist() for a, logits in classifier(images).items()}
    right = {
        a: [known[k] == w[a] for k, w in zip(read[a], wanted, strict=True) if a in w]
        for a, known in values.items()
    }
    return {a: float(np.mean(found)) for a, found in right.items()}


def _ranked_first(clip: Clip) -> float:
    """Share of images whose caption is the nearest of all captions of a colour and a shape."""
    network = clip.open(torch.device("cpu"))
    captions = [f"a {colour} {shape}" for colour, shape in product(COLOURS, SHAPES)]
    texts = network.texts(captions)
    scenes = _held_out("held-out-clip", SCENES["clip"])
    nearest = (network.images(list(render(scenes))) @ texts.T).argmax(1).tolist()
    right = [captions[k] == f"a {s.colour} {s.shape}" for k, s in zip(nearest, scenes, strict=True)]
    return float(np.mean(right))
