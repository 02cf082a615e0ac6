"""What is measured, the most important first."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from loops.editors import distillation
from loops.network import shared_copy
from loops.worlds import (
    NARROW,
    PRECISIONS,
    SD15,
    embedded,
    latents_of,
    random_latents,
    shape_cases,
    topology,
)
from torch import device as Device

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.backbones.tuning import tune
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.tensors import Latent
from ids.editing import DistillationEditor
from ids.run import Engine

TINY = (16, 16, 32, 32)
DIFFERENCE = "ids fpr=finite_difference"
N1 = "ids fpr.n_iters=1"


@dataclass(frozen=True)
class World:
    """A network and the latents that are edited on it. `tuned` has the same weights, set up as the
    engine does by default.
    """

    backbone: LatentDiffusion
    tuned: Backbone
    device: Device
    shape: tuple[int, ...] = ()  # of random latents; empty: encoded images of the embedded world
    n_steps: int = 8  # of the edits of one image with one prompt; half of it for more

    def sources(self, images: int, prompts: int) -> tuple[Latent, list[EditCase]]:
        """Latents and cases: each image with `prompts` target prompts, image by image."""
        pool = shape_cases(max(images, prompts))
        edits = [_case(pool, image, prompt) for image in range(images) for prompt in range(prompts)]
        z = (
            random_latents(images, self.shape, self.device)
            if self.shape
            else latents_of(self.backbone, pool[:images])
        )
        return z.repeat_interleave(prompts, dim=0), edits


@dataclass(frozen=True)
class Cell:
    """A method on a world: `images` images, each with `prompts` target prompts. `rows` edits run
    side by side, and as many source halves; 0 leaves it to the run.
    """

    world: str
    method: str
    images: int = 1
    prompts: int = 1
    alone: bool = False  # the engine without the reference loops
    eager: bool = False  # the engine on the untuned network, too
    rows: int = 0

    @property
    def name(self) -> str:
        by = f" by {self.rows}" if self.rows else ""
        return f"{self.world}/{self.method}/{self.images}x{self.prompts}{by}"

    def editor(self, n_steps: int) -> DistillationEditor:
        """The editor of the method."""
        return distillation(self.method, n_steps)


def worlds(names: set[str], device: Device, precision: str) -> dict[str, World]:
    """The networks of these names."""
    dtype = PRECISIONS[precision]

    def random(widths: tuple[int, ...], side: int, n_steps: int, layers: int = 2) -> World:
        network = topology(widths, device, dtype, layers)
        return World(network, tuned(network, device), device, (4, side, side), n_steps)

    def trained() -> World:
        network = embedded(device, precision)
        return World(network, tuned(network, device), device)

    makers: dict[str, Callable[[], World]] = {
        "embedded": trained,
        "reduced": lambda: random(NARROW, 32, 1),
        "sd15": lambda: random(SD15, 64, 8),
        "tiny": lambda: random(TINY, 8, 2, layers=1),
    }
    return {name: makers[name]() for name in makers if name in names}


def cpu_cells() -> list[Cell]:
    """Two small worlds: one image, then prompts and images."""
    return [
        *(Cell("embedded", method) for method in ("dds", "ids", "cds")),
        *(Cell("reduced", method) for method in ("dds", "ids", "cds")),
        *(Cell("embedded", method, prompts=k) for k in (8, 16) for method in ("ids", "dds")),
        *(Cell("embedded", method, images=n) for n in (4, 16) for method in ("ids", "dds")),
        *(Cell("embedded", method) for method in ("sds", "pds", N1, DIFFERENCE)),
        *(Cell("embedded", m, alone=True, rows=k) for k in (1, 2, 4) for m in ("dds", "ids")),
        Cell("embedded", "ids", prompts=4),
        Cell("embedded", "cds", images=4),
        Cell("reduced", "ids", prompts=8),
        Cell("embedded", "ids", images=16, prompts=8),
        *(Cell("reduced", method, images=4) for method in ("dds", "ids")),
    ]


def gpu_cells(world: str = "sd15") -> list[Cell]:
    """Stable Diffusion 1.5 at 512 pixels."""
    methods = ("ids", "dds", "cds", DIFFERENCE, N1)
    return [
        *(Cell(world, method, eager=True) for method in methods[:3]),
        Cell(world, "ids", alone=True, rows=1),
        *(Cell(world, method, images=16) for method in ("ids", "dds")),
        *(Cell(world, method, images=16, prompts=8) for method in ("ids", "dds")),
        *(Cell(world, method, prompts=8) for method in ("ids", "dds")),
        Cell(world, "dds", alone=True, eager=True, rows=1),
        *(Cell(world, method) for method in methods[3:]),
        Cell(world, "cds", images=16),
        *(Cell(world, method, images=4, eager=True) for method in methods),
        *(Cell(world, method, images=16) for method in methods[3:]),
        *(Cell(world, method, images=64, alone=True) for method in methods),
        *(Cell(world, method, prompts=8) for method in methods[2:]),
        *(Cell(world, method, images=4, prompts=8) for method in methods),
    ]


def tiny_cells() -> list[Cell]:
    """The code of the GPU cells in seconds."""
    kept = {(1, 1), (4, 1), (1, 8)}
    return [
        cell
        for cell in gpu_cells("tiny")
        if (cell.images, cell.prompts) in kept and cell.method in ("dds", "ids", DIFFERENCE)
    ]


def tuned(backbone: LatentDiffusion, device: Device) -> Backbone:
    """The same weights as the engine sets them up by default; `backbone` keeps its layout."""
    unet = shared_copy(backbone.denoiser.unet)
    own = replace(backbone, denoiser=replace(backbone.denoiser, unet=unet))
    return tune(own, Engine().tuning, device)


def _case(pool: list[EditCase], image: int, prompt: int) -> EditCase:
    """The image's case with the target prompt of a later case."""
    other = pool[(image + prompt) % len(pool)]
    return replace(pool[image], prompt_trg=other.prompt_trg)
