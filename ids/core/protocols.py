"""The contracts of models, rules, data and metrics. Implementations are frozen dataclasses
that are wrapped, never subclassed.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.records import Anchor, Draw, EditCase, Edited
from ids.core.rng import Streams
from ids.core.tensors import Coefficient, Images, Latent, Timestep

T = TypeVar("T")


@runtime_checkable
class Schedule(Protocol):
    """z_t = alpha(t) z_0 + sigma(t) eps, t from 0 (clean) to n_timesteps."""

    @property
    def n_timesteps(self) -> int: ...
    def alpha(self, t: Timestep) -> Coefficient:
        """The coefficient of z_0, [B, 1, 1, 1]."""
        ...

    def sigma(self, t: Timestep) -> Coefficient:
        """The coefficient of eps, [B, 1, 1, 1]."""
        ...


@runtime_checkable
class Denoiser(Protocol):
    """eps_phi, the noise predictor that rules evaluate, with or without guidance."""

    @property
    def schedule(self) -> Schedule: ...
    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The noise prediction [B, C, H, W], differentiable in z_t."""
        ...


@runtime_checkable
class Backbone(Protocol):
    """A diffusion model. It predicts noise whatever it was trained to predict; no row of a batch
    depends on another.
    """

    @property
    def schedule(self) -> Schedule: ...
    def encode(self, x: Images) -> Latent:
        """Images on any device as latents on the backbone's, differentiable in x. `DataError` for a
        size that it cannot take.
        """
        ...

    def decode(self, z: Latent) -> Images:
        """RGB in [0, 1], without a gradient."""
        ...

    def prompt(self, texts: Sequence[str]) -> Prompt:
        """One row per text. `DataError` for a text that is too long."""
        ...

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The noise prediction, differentiable in z_t and y."""
        ...


@runtime_checkable
class BackboneSource(Protocol):
    """The configuration of a backbone. Constructing it reads no weights."""

    def identity(self) -> Mapping[str, str]:
        """Everything in it that decides the results, as part of their key: a digest of the weights,
        the precision. `WeightsError` if the weights are missing or corrupt.
        """
        ...

    def load(self, device: torch.device) -> Backbone:
        """The backbone with its weights on this device."""
        ...

    @property
    def gives(self) -> frozenset[type]:
        """The protocols of `ids.core.capabilities` that the loaded backbone implements."""
        ...


@runtime_checkable
class Distillation(Protocol):
    """A distillation rule in two halves: grad = Q(z_trg, y_trg) - reference. The source half does
    not depend on the target.
    """

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The source half: the reference, and what else the target half reads."""
        ...

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The target half: the gradient in z_trg [B, C, H, W], which a descent subtracts."""
        ...


@runtime_checkable
class NoiseRefiner(Protocol):
    """A map on noise, as the fixed-point regularizer of IDS."""

    def __call__(
        self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[Draw, Mapping[str, Tensor]]:
        """The draw with eps* for eps, and logs with one row per latent."""
        ...


@runtime_checkable
class DrawSource(Protocol):
    """Draws the timestep and the noise of a step."""

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        """One draw per row of z_src, from the streams at `rng.step`."""
        ...


@runtime_checkable
class TimestepChecker(Protocol):
    """A `DrawSource` whose timesteps may not fit a schedule."""

    def check(self, n_timesteps: int) -> None:
        """`ConfigError` if a schedule of so many timesteps lacks one that is drawn."""


class StepGuidance(NamedTuple):
    """The guidance scale of a step, and the factor of its learning rate."""

    scale: float
    rate: float = 1.0


@runtime_checkable
class GuidanceSchedule(Protocol):
    """The guidance of each step of a loop. `anytime`: is it independent of the number of steps, so
    that the state after k steps is the result of an edit of k steps?
    """

    @property
    def anytime(self) -> bool: ...
    def __call__(self, step: int, n_steps: int, scale: float) -> StepGuidance:
        """Of a step, from 0; `scale` is the guidance scale of the method. `ValueError` for a number
        of steps that the schedule cannot have.
        """
        ...


@runtime_checkable
class Progress(Protocol):
    """A listener to the steps of an edit."""

    def step(self) -> None:
        """Called after every step of a batch."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """A named sequence of cases.

    `place` is its full path, empty for a data set that is generated. `view` describes how images
    are resized, since at another size they are different images. Both distinguish data sets of one
    name. If it is `partial`, a run has some of its rows only, and tables keep the rows of earlier
    runs.
    """

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def view(self) -> str: ...
    @property
    def partial(self) -> bool: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> EditCase:
        """The case in row `index`, from 0. `DataError` if the row is invalid."""
        ...


@runtime_checkable
class Models(Protocol):
    """The judging networks of one command, each loaded once. `device` is where they run."""

    @property
    def device(self) -> torch.device: ...
    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The network of this key; `load` is called for a key that is new."""
        ...


@runtime_checkable
class Metric(Protocol):
    """One number per edit. Tables show it under `title`, in `unit`, with `digits` after the point.

    `revision` is raised when the numbers change. `min_side` is the smallest side of an image, in
    pixels, at which the number is defined.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def digits(self) -> int: ...
    @property
    def higher_is_better(self) -> bool | None: ...
    @property
    def revision(self) -> int: ...
    @property
    def min_side(self) -> int: ...
    def weights_id(self) -> str:
        """The network and a digest of its weights; empty for a metric without one. Values with
        different weights are never averaged. `WeightsError` where a file is missing.
        """
        ...

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """A number per case and its edit; nan where it is not defined."""
        ...


@runtime_checkable
class BoundedMetric(Protocol):
    """A metric with a best value, which no edit exceeds."""

    @property
    def best(self) -> float: ...


@runtime_checkable
class NetworkMetric(Protocol):
    """A metric that needs a network. `load` takes it from `models` before the first edit;
    `WeightsError` where its weights are corrupt or belong to another network.
    """

    def load(self, models: Models) -> object: ...
