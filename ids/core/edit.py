"""The contracts of an edit: subject, representation, editor and its context."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from ids.core.anchor_rows import AnchorRows
from ids.core.checkpoints import NO_CHECKPOINTS, Checkpoints
from ids.core.prompt import Prompts
from ids.core.protocols import Backbone, Progress
from ids.core.records import Anchor, EditCase, EditedScene, Trace
from ids.core.rng import Randomness, Streams
from ids.core.tensors import Images, Latent, PositionMap

Parameters = Iterable[torch.nn.Parameter] | Iterable[dict[str, Any]]


@dataclass(frozen=True)
class View:
    """A subject as latents [B, C, H, W], before and after the edit. `target` gives `z_trg`, once
    and when it is first read: a scene has to be rendered for it.
    """

    z_src: Latent
    target: Callable[[], Latent]

    @cached_property
    def z_trg(self) -> Latent:
        """Differentiable in the subject's parameters."""
        return self.target()


@runtime_checkable
class Subject(Protocol):
    """B cases under edit, side by side: latents of images, or a scene seen from cameras."""

    @property
    def cases(self) -> Sequence[EditCase]: ...
    def view(self, rng: Randomness) -> View:
        """One view, drawn with `rng`: two calls with equal `rng` look from the same place. `z_src`
        depends on nothing else. An image has one view only.
        """
        ...

    def parameters(self) -> Parameters:
        """The parameters that an optimizer changes, or groups of them: dictionaries with `params`,
        and with the factor of their learning rate as `rate`.
        """
        ...

    def images(self) -> Images:
        """The current image of each row, RGB in [0, 1]."""
        ...

    def shown(self) -> View:
        """The latents of the case's source and of `images`."""
        ...

    def save(self, folder: Path) -> None:
        """Write the edited subject into an existing folder."""


@runtime_checkable
class LatentSubject(Subject, Protocol):
    """A subject that consists of its latents: editors that sample write `z_trg` in place."""

    @property
    def z_src(self) -> Latent: ...
    @property
    def z_trg(self) -> Latent: ...


@runtime_checkable
class Scenic(Protocol):
    """A subject of scenes, of which more is kept than one image each."""

    def scenes(self) -> Sequence[EditedScene]:
        """Each scene as it is now."""

    def views(self) -> Sequence[Images]:
        """The first viewpoints of each scene as it is now, [F, 3, H, W] on the CPU."""


@runtime_checkable
class Preparing(Protocol):
    """A listener to work that precedes the steps of an edit, such as the fit of a scene."""

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        """So many steps of it are done; `state` is a few words on how it goes."""


class Silent:
    """A listener to steps and to preparation that does nothing."""

    def step(self) -> None:
        """Nothing."""

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        """Nothing."""


SILENT = Silent()


@runtime_checkable
class Representation(Protocol):
    """The form in which cases are edited. A new one, such as a NeRF, needs no change in the
    distillation loop.
    """

    def identity(self) -> Mapping[str, str]:
        """Everything in it that decides the results, as part of their key; empty for latents."""
        ...

    def open(
        self, backbone: Backbone, cases: Sequence[EditCase], listener: Preparing = SILENT
    ) -> Subject:
        """The cases, unedited, on the backbone's device. All images are of one size. What takes
        long is reported to the listener.
        """
        ...


@runtime_checkable
class AnchorCache(Protocol):
    """Keeps source halves, row by row, under names that stand for everything that decides them."""

    def get(self, name: str) -> AnchorRows | None:
        """The row of that name, on the CPU or where it was made; None where it is not kept."""
        ...

    def put(self, name: str, row: AnchorRows) -> None:
        """Keep a row, or not, as there is room."""
        ...


@runtime_checkable
class SourceHalf(Protocol):
    """The source half of each step of an edit. It does not depend on the target."""

    def __call__(self, step: int) -> Anchor:
        """The anchor of one step."""
        ...

    def sources(self, step: int) -> Latent:
        """The latents that differ in source, seed or source prompt: only they need the network."""
        ...

    def several(
        self,
        steps: Sequence[int],
        cache: AnchorCache | None = None,
        predictions: AnchorCache | None = None,
    ) -> Iterator[Anchor]:
        """The anchors of several steps, evaluated in one call before the first is returned, without
        the rows that the cache has and the predictions that others have left. They differ from
        those of single steps by rounding alone.
        """
        ...


@runtime_checkable
class Anchors(Protocol):
    """Decides when source halves are computed: one by one, ahead of the loop, or once for all
    targets of a source. Gives the anchors of a whole edit, from step `start` on, in order.
    """

    def __call__(
        self, source_half: SourceHalf, n_steps: int, start: int = 0
    ) -> Iterator[Anchor]: ...


def inline(source_half: Callable[[int], Anchor], n_steps: int, start: int = 0) -> Iterator[Anchor]:
    """Each source half when its step needs it: one is in memory at a time, none is shared."""
    return map(source_half, range(start, n_steps))


@dataclass(frozen=True)
class EditContext:
    """The arguments of every editor: the network, the random streams (one per row of the subject),
    the listener that counts its steps, the source of its anchors, and its checkpoints.
    """

    backbone: Backbone
    rng: Streams
    progress: Progress = field(default_factory=Silent)
    anchors: Anchors = inline
    checkpoints: Checkpoints = NO_CHECKPOINTS

    def prompts(self, cases: Sequence[EditCase], negative_prompt: str) -> Prompts:
        """The encoded source, target and negative prompts of B cases, B rows each."""
        encode = self.backbone.prompt
        return Prompts(
            src=encode([case.prompt_src for case in cases]),
            trg=encode([case.prompt_trg for case in cases]),
            null=encode([negative_prompt] * len(cases)),
        )


@runtime_checkable
class Editor(Protocol):
    """A method: it edits a subject.

    `uses_seed`: does the result depend on the seed? `uses_prompts`: on the prompts? `anytime`: is
    the state after k steps the result of an edit of k steps? `n_ticks`: how many times
    `context.progress.step` is called.
    """

    @property
    def uses_seed(self) -> bool: ...
    @property
    def uses_prompts(self) -> bool: ...
    @property
    def anytime(self) -> bool: ...
    @property
    def n_ticks(self) -> int: ...
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Edit the subject in place. `UnsupportedError` if the backbone, the subject or a case
        lacks what the method needs.
        """
        ...


@runtime_checkable
class Finish(Protocol):
    """Changes the result of an edit, and each of its kept states, without the network. A row
    depends on itself alone. If it `reads_gradient`, `gradient` is the norm over channels of the
    gradient in z_trg, averaged over the steps so far; else None.
    """

    @property
    def reads_gradient(self) -> bool: ...
    def __call__(self, z_src: Latent, z_trg: Latent, gradient: PositionMap | None) -> Latent:
        """The finished z_trg: z_src where that is z_trg."""
        ...


@runtime_checkable
class CaseChecker(Protocol):
    """An editor that needs more of a case than its prompts."""

    def check(self, backbone: Backbone, case: EditCase) -> None:
        """`DataError` if the case lacks it: found before its batch is edited, so that the other
        cases of the batch are not affected.
        """
        ...
