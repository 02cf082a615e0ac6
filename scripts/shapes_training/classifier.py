"""The classifiers, trained on renders, some of them blurred and noisy: they also read images of the
autoencoder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

from ids.shapes.caption import parse_wide_caption, wide_caption
from ids.shapes.classifier import Classifier
from ids.shapes.render import render
from ids.shapes.scene import VALUES, Scene, Values
from shapes_training.autoencoder import scenes_of
from shapes_training.course import Budget, Course, Outcome

UNREAD = -100  # the label of a value that a scene lacks: cross entropy leaves it out


@dataclass(frozen=True)
class Reader:
    """What a classifier reads, in which scenes (of seed, name, step, count). The name is that of
    its checkpoint and draws.
    """

    name: str
    values: Values
    draw: Callable[[int, str, int, int], list[Scene]]


SHIPPED = Reader("classifier", VALUES, scenes_of)


def train_classifier(
    folder: Path, budget: Budget, seed: int, device: torch.device, reader: Reader = SHIPPED
) -> Outcome:
    torch.manual_seed(seed + 2)
    modules = nn.ModuleDict({"classifier": Classifier(reader.values)}).to(device)

    def loss(modules: nn.ModuleDict, step: int) -> Tensor:
        scenes = reader.draw(seed, reader.name, step, budget.batch)
        x = degrade(render(scenes), torch.Generator().manual_seed(step)).to(device)
        logits, true = modules["classifier"](x), labels(scenes, reader.values)
        return torch.stack(
            [
                F.cross_entropy(logits[a], true[a].to(device), ignore_index=UNREAD)
                for a in reader.values
            ]
        ).sum()

    return Course(reader.name, folder, budget, modules).run(loss)


def labels(scenes: list[Scene], values: Values) -> dict[str, Tensor]:
    """The index of each scene's value, per attribute."""
    named: list[Mapping[Any, str]] = [parse_wide_caption(wide_caption(s)) for s in scenes]
    return {
        a: torch.tensor([known.index(n[a]) if a in n else UNREAD for n in named])
        for a, known in values.items()
    }


def degrade(x: Tensor, rng: torch.Generator) -> Tensor:
    """Random blur and noise, as of an autoencoder or a sampler."""
    blurred = gaussian_blur(x, kernel_size=[5, 5], sigma=[1.0, 1.0])
    mix = torch.rand(len(x), 1, 1, 1, generator=rng)
    noise = torch.randn(x.shape, generator=rng) * 0.05 * torch.rand(len(x), 1, 1, 1, generator=rng)
    return (torch.lerp(x, blurred, mix) + noise).clamp(0, 1)
