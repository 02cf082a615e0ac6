"""The contracts between the layers. Implementations are frozen dataclasses, tweaked by wrapping,
never subclassed.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from ids.core.records import Anchor, Draw, EditCase, Edited, Trace
from ids.core.rng import Streams
from ids.core.tensors import Coefficient, Image, Images, Latent, Prompt, Timestep

T = TypeVar("T")


@runtime_checkable
class Schedule(Protocol):
    """z_t = alpha(t) z_0 + sigma(t) eps, t in 0 .. n_timesteps - 1."""

    @property
    def n_timesteps(self) -> int: ...
    def alpha(self, t: Timestep) -> Coefficient: ...
    def sigma(self, t: Timestep) -> Coefficient: ...


@runtime_checkable
class Denoiser(Protocol):
    """eps_phi(z_t, y, t): the (guided) noise predictor a rule sees, differentiable in z_t."""

    @property
    def schedule(self) -> Schedule: ...
    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent: ...


@runtime_checkable
class Backbone(Protocol):
    """A diffusion model behind one contract: it answers in eps, and everything has B rows."""

    @property
    def schedule(self) -> Schedule: ...
    def encode(self, x: Images) -> Latent: ...
    def decode(self, z: Latent) -> Images: ...
    def prompt(self, texts: Sequence[str]) -> Prompt: ...
    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent: ...


@runtime_checkable
class BackboneSource(Protocol):
    """A backbone as it is configured: cheap to make; weights are touched by `load` alone."""

    def identity(self) -> Mapping[str, str]:
        """What of it decides the results: a digest of the weights, the precision."""
        ...

    def load(self, device: torch.device) -> Backbone: ...
    @property
    def gives(self) -> frozenset[type]:
        """The protocols of `ids.core.capabilities` that the loaded backbone will have."""
        ...


@runtime_checkable
class Distillation(Protocol):
    """A rule: grad = Q(z_trg, y_trg) - reference. The source half never sees the target, so it may
    run ahead of it.
    """

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor: ...
    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent: ...


@runtime_checkable
class NoiseRefiner(Protocol):
    """A map on noise: (eps_phi, z_src, y_src, draw) -> draw with eps*, and logs per row."""

    def __call__(
        self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[Draw, Mapping[str, Tensor]]: ...


@runtime_checkable
class DrawSource(Protocol):
    """Where a step's timestep and noise come from."""

    def draw(self, z_src: Latent, rng: Streams) -> Draw: ...


@runtime_checkable
class Subject(Protocol):
    """What is edited, B cases at once: a latent image now, a scene later."""

    @property
    def cases(self) -> Sequence[EditCase]: ...
    @property
    def z_src(self) -> Latent: ...
    @property
    def z_trg(self) -> Latent: ...
    def parameters(self) -> Iterable[torch.nn.Parameter]: ...


@runtime_checkable
class Progress(Protocol):
    """Told after every step, so that a person sees where the work is."""

    def step(self) -> None: ...


@runtime_checkable
class Editor(Protocol):
    """What `method=` selects. `uses_seed`: does the seed matter? `uses_prompts`: do the prompts?
    `anytime`: is the state after k steps the result of an edit of k steps? `n_ticks`: how often
    `progress.step` is called.
    """

    @property
    def uses_seed(self) -> bool: ...
    @property
    def uses_prompts(self) -> bool: ...
    @property
    def anytime(self) -> bool: ...
    @property
    def n_ticks(self) -> int: ...
    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace: ...


@runtime_checkable
class CaseChecker(Protocol):
    """An editor that asks more of a case than its prompts: `DataError` where it is not there, so
    that such a case takes no batch mate along.
    """

    def check(self, backbone: Backbone, case: EditCase) -> None: ...


@runtime_checkable
class Dataset(Protocol):
    """A named sequence of cases.

    `place` is where it lies, as a full path; empty where it is made by code. `view` says how its
    images are brought to size: at another size they are other images. The two tell data sets of one
    name apart. `partial` ones show some of their rows at a time: the rows of earlier runs
    stay in tables.
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
    def __getitem__(self, index: int) -> EditCase: ...


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
    """One number of one edit; nan where it is not defined for the case.

    `weights_id()` identifies the network and its weights, and is empty for a metric without one.
    Values with different weights are never averaged. It locates and checks the weights, and raises
    `WeightsError` if they are missing or corrupt.

    `min_side` is the smallest side of an image, in pixels, at which the number is defined.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def unit(self) -> str: ...
    @property
    def higher_is_better(self) -> bool | None: ...
    @property
    def min_side(self) -> int: ...
    def weights_id(self) -> str: ...
    def __call__(self, case: EditCase, edited: Edited) -> float: ...


@runtime_checkable
class NetworkMetric(Protocol):
    """A metric that needs a network. `load` takes it from `models` before the first edit;
    `WeightsError` where its weights are corrupt or belong to another network.
    """

    def load(self, models: Models) -> object: ...


@runtime_checkable
class LogRun(Protocol):
    """One setting's log, open. `axis` is `curve` (optimization steps) or `edit` (one point per
    finished edit).
    """

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None: ...
    def image(self, name: str, x: Image, caption: str) -> None: ...
    def summary(self, values: Mapping[str, float]) -> None: ...


@runtime_checkable
class Logger(Protocol):
    """Opens one run per setting; settings of one data set and backbone share a `group`."""

    def run(
        self, name: str, group: str, config: Mapping[str, Any]
    ) -> AbstractContextManager[LogRun]: ...
