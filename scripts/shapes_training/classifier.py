"""The classifier, trained on renders, some of them blurred and noisy, so that it also reads images
of the autoencoder.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

from ids.shapes.classifier import Classifier
from ids.shapes.render import render
from ids.shapes.scene import VALUES, Attribute, Scene
from shapes_training.autoencoder import scenes_of
from shapes_training.course import Budget, Course, Outcome


def train_classifier(folder: Path, budget: Budget, seed: int, device: torch.device) -> Outcome:
    torch.manual_seed(seed + 2)
    modules = nn.ModuleDict({"classifier": Classifier()}).to(device)

    def loss(modules: nn.ModuleDict, step: int) -> Tensor:
        scenes = scenes_of(seed, "classifier", step, budget.batch)
        x = degrade(render(scenes), torch.Generator().manual_seed(step)).to(device)
        logits = modules["classifier"](x)
        return torch.stack(
            [F.cross_entropy(logits[a], labels(scenes)[a].to(device)) for a in VALUES]
        ).sum()

    return Course("classifier", folder, budget, modules).run(loss)


def labels(scenes: list[Scene]) -> dict[Attribute, Tensor]:
    """The index of each scene's value, per attribute."""
    return {
        a: torch.tensor([values.index(getattr(s, a)) for s in scenes])
        for a, values in VALUES.items()
    }


def degrade(x: Tensor, rng: torch.Generator) -> Tensor:
    """Random blur and noise, as of an autoencoder or a sampler."""
    blurred = gaussian_blur(x, kernel_size=[5, 5], sigma=[1.0, 1.0])
    mix = torch.rand(len(x), 1, 1, 1, generator=rng)
    noise = torch.randn(x.shape, generator=rng) * 0.05 * torch.rand(len(x), 1, 1, 1, generator=rng)
    return (torch.lerp(x, blurred, mix) + noise).clamp(0, 1)
