"""`ids doctor shapes_wide`: the quality of the wide networks, on fixed seeds not used in training,
against required values.
"""

from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from ids.backbones import StableDiffusion
from ids.doctor.shapes import STEPS, Bar, Finding, Quality, drawn, full_captions, shares
from ids.shapes import WIDE_WEIGHTS
from ids.shapes.caption import NOTHING, ON, parse_wide_caption, wide_caption
from ids.shapes.judge import FILE, load_classifier
from ids.shapes.render import render
from ids.shapes.scene import BACKGROUNDS, VALUES, WIDE_VALUES, Scene, WideAttribute, draw_scene

SAMPLES = 240
EMPTY_EVERY = 5  # of the prompts, and of the held-out scenes
SCENES = 2000
GOALS: dict[WideAttribute, float] = {
    "colour": 0.95,
    "shape": 0.95,
    "fill": 0.90,
    "background": 0.75,  # one in three by chance
    "object": 0.95,
}


def examine_wide_shapes() -> int:
    """Print the findings for the shipped wide networks; 1 if a goal is missed."""
    quality = measure_wide(WIDE_WEIGHTS, lambda steps, what: track(steps, what, transient=True))
    quality.grid().print(Console(width=110))
    return int(not all(finding.reached for finding in quality.findings))


def measure_wide(
    folder: Path,
    bar: Bar = lambda steps, _: steps,
    samples: int = SAMPLES,
    steps: int = STEPS,
) -> Quality:
    """The quality of the networks in a folder, from `samples` images of wide prompts and as many
    of prompts without a background, `steps` DDIM steps each.
    """
    backbone = StableDiffusion(str(folder)).load(torch.device("cpu"))
    classifier = load_classifier(folder / FILE, WIDE_VALUES)
    named = wide_prompts(samples)
    narrow = full_captions(samples)
    texts = [" ".join(["a", *caption.values()]) for caption in narrow]
    images = torch.cat(list(drawn(backbone, named, steps, bar)))
    plain = torch.cat(list(drawn(backbone, texts, steps, bar)))
    shown = shares(classifier, images, [parse_wide_caption(t) for t in named], WIDE_VALUES)
    known = shares(classifier, plain, narrow)
    scenes = _held_out()
    wanted = [parse_wide_caption(wide_caption(scene)) for scene in scenes]
    read = shares(classifier, render(scenes), wanted, WIDE_VALUES)
    renders, drawing = f"{SCENES} held-out renders", f"{samples} samples"
    findings = (
        *(Finding(f"classifier: {a}, {renders}", read[a], 0.98, "%") for a in WIDE_VALUES),
        *(
            Finding(f"drawn as in a wide prompt: {a}, {drawing}", shown[a], goal, "%")
            for a, goal in GOALS.items()
        ),
        *(
            Finding(f"prompt without a background: {a}, {drawing}", known[a], GOALS[a], "%")
            for a in VALUES
        ),
    )
    return Quality(findings, images)


def wide_prompts(count: int) -> list[str]:
    """Every background in turn, before no object in every fifth of them, else before the full
    captions in their order.
    """
    texts = [" ".join(["a", *caption.values()]) for caption in full_captions(count)]
    whats = [NOTHING if i % EMPTY_EVERY == 0 else text for i, text in enumerate(texts)]
    kinds = cycle(BACKGROUNDS)
    return [f"{what} {ON} {kind}" for what, kind in zip(whats, kinds, strict=False)]


def _held_out() -> list[Scene]:
    rng = np.random.default_rng([0, *b"held-out-wide", 0])
    scenes = [draw_scene(rng) for _ in range(SCENES)]
    return [s.without_object() if i % EMPTY_EVERY == 0 else s for i, s in enumerate(scenes)]
