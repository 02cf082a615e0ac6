"""Batches of edits in memory. Nothing here reads or writes a store: the executor and the Python API
make edits in the same way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor

from ids.core.checkpoints import NO_CHECKPOINTS, Checkpoints, Resumable
from ids.core.edit import (
    SILENT,
    Anchors,
    CaseChecker,
    EditContext,
    Editor,
    LatentSubject,
    Preparing,
    Representation,
    Scenic,
    Subject,
    View,
    inline,
)
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone, Progress
from ids.core.records import EditCase, Edited, EditedScene, Measurement, Trace, digest_of
from ids.core.rng import Streams
from ids.core.tensors import Latent, out_of_memory
from ids.editing import MeteredBackbone, StateRecorder, ViewRecorder
from ids.representations import LatentSpace
from ids.run.memory import peak_bytes, reset_peak
from ids.run.spent import CountedCheckpoints

T = TypeVar("T")


class OutOfMemory(ConfigError):
    """The device has too little memory for so many edits side by side."""


@dataclass(frozen=True)
class FinishedEdit:
    """One edit on the CPU: its case with the images in memory, the result, z_trg [C, H, W] at its
    kept steps, and one value (or vector) per step and curve, [n_steps, ...].
    """

    case: EditCase
    edited: Edited
    states: Mapping[int, Tensor]
    curves: Mapping[str, Tensor]

    @property
    def problem(self) -> str:
        """Why this is no result: NaN or infinity in it; empty for a result."""
        if self.edited.z_trg.isfinite().all() and self.edited.image.isfinite().all():
            return ""
        return f"expected finite latents; {_first_bad_step(self.curves)}"


@dataclass(frozen=True)
class EditedBatch:
    """The edits of one batch, in the order of its cases, and what each of them took."""

    edits: Sequence[FinishedEdit]
    measurement: Measurement


@dataclass(frozen=True)
class BatchEditor:
    """Edits batches of one method on one loaded backbone. `keep_every` is the number of steps
    between kept states; 0 keeps none. `name` stands for the method, with all its values,
    on its backbone and representation: checkpoints need it.
    """

    editor: Editor
    backbone: Backbone
    device: torch.device
    keep_every: int = 0
    representation: Representation = field(default_factory=LatentSpace)
    anchors: Anchors = inline
    name: str = ""

    def __call__(
        self,
        cases: Sequence[EditCase],
        seeds: Sequence[int],
        progress: Progress,
        warm_up: bool = False,
    ) -> EditedBatch:
        """Edit cases of one image size side by side, one seed per case.

        Each row draws from the streams of its seed and the digest of its source: batch mates change
        no draw. `warm_up` runs the network once before the clock starts. `OutOfMemory` where the
        device has too little memory; `DataError` and `UnsupportedError` where the editor
        raises them.
        """
        try:
            return self._edited(cases, seeds, progress, warm_up)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        # Raised here, where the first error and its frames are gone: they hold the tensors.
        raise OutOfMemory(_advice(len(cases)))

    def check(self, case: EditCase) -> None:
        """`IdsError` where the backbone cannot read a prompt, or the editor cannot use the case."""
        if self.editor.uses_prompts:
            self.backbone.prompt([case.prompt_src, case.prompt_trg])
            if isinstance(self.editor, CaseChecker):
                self.editor.check(self.backbone, case)

    def _edited(
        self, cases: Sequence[EditCase], seeds: Sequence[int], progress: Progress, warm_up: bool
    ) -> EditedBatch:
        metered = MeteredBackbone(self.backbone)
        rng = Streams.of(list(seeds), [case.source_digest for case in cases])
        listener = progress if isinstance(progress, Preparing) else SILENT
        subject = self.representation.open(self.backbone, cases, listener)
        if warm_up:
            _warm_up(self.backbone, subject.view(rng).z_src)
        every = self.keep_every if self.editor.anytime else 0
        recorder = StateRecorder(
            progress, subject, every if isinstance(subject, LatentSubject) else 0
        )
        kept = self._checkpoints(subject, rng)
        views = ViewRecorder(recorder, subject, kept, every, self.editor.n_ticks)
        reset_peak(self.device)
        counted = CountedCheckpoints(views, metered.nfe)
        trace = self.editor(EditContext(metered, rng, views, self.anchors, counted), subject)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        seconds, forwards, backwards = (total / len(cases) for total in counted.spent)
        measurement = Measurement(seconds, forwards, backwards, peak_bytes(self.device))
        edits = _rows(subject, subject.shown(), trace, recorder.states(), views)
        counted.remove()
        return EditedBatch(edits, measurement)

    def _checkpoints(self, subject: Subject, rng: Streams) -> Checkpoints:
        """Those of a batch. Latents have none: listeners to their steps see each of them."""
        whole = self.representation
        if not self.name or not isinstance(whole, Resumable) or isinstance(subject, LatentSubject):
            return NO_CHECKPOINTS
        rows = [case.digest for case in subject.cases]
        return whole.checkpoints(digest_of([self.name, rng.keys, rows]))


def curve_columns(curves: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Name -> a value per step. A curve of vectors, such as FPR's residual per iteration, becomes
    `fpr_residual_0`, `fpr_residual_1`, ...
    """
    columns: dict[str, list[float]] = {}
    for name, values in curves.items():
        if values.ndim == 1:
            columns[name] = values.tolist()
        else:
            columns |= {f"{name}_{k}": part.tolist() for k, part in enumerate(values.unbind(1))}
    return columns


def by_shape(
    items: Iterable[T], case_of: Callable[[T], EditCase]
) -> dict[tuple[int, ...], list[T]]:
    """Items that can share a batch, by the shape of their source images."""
    groups: dict[tuple[int, ...], list[T]] = defaultdict(list)
    for item in items:
        groups[tuple(case_of(item).source.load().shape)].append(item)
    return groups


def _warm_up(backbone: Backbone, z_src: Latent) -> None:
    """One forward and backward: kernels are chosen and memory is mapped on first use."""
    z = z_src.clone().requires_grad_()
    t = torch.zeros(len(z), dtype=torch.long, device=z.device)
    backbone.eps(z, backbone.prompt([""] * len(z)), t).sum().backward()


def _rows(
    subject: Subject,
    view: View,
    trace: Trace,
    states: Mapping[int, Latent],
    views: ViewRecorder,
) -> list[FinishedEdit]:
    """A finished batch row by row, on the CPU."""
    images = subject.images().cpu()
    z_src, z_trg = view.z_src.cpu(), view.z_trg.detach().cpu().clone()
    kept = {step: z.cpu() for step, z in states.items()}
    scenes: Sequence[EditedScene | None] = [None] * len(images)
    if isinstance(subject, Scenic):
        found = enumerate(subject.scenes())
        scenes = [replace(scene, states=views.states(row)) for row, scene in found]
    return [
        FinishedEdit(
            case,
            Edited(images[row], z_src[row], z_trg[row], scenes[row]),
            {step: z[row] for step, z in kept.items()},
            {name: values[:, row] for name, values in trace.curves.items()},
        )
        for row, case in enumerate(subject.cases)
    ]


def _first_bad_step(curves: Mapping[str, Tensor]) -> str:
    bad = (~curves["gradient"].isfinite()).nonzero() if "gradient" in curves else torch.empty(0)
    where = f"first in step {int(bad[0])}" if len(bad) else "in the result"
    return f"NaN or infinity {where}; try backbone.precision=fp32 or another seed"


def _advice(rows: int) -> str:
    smaller = (
        f"engine.batch_size={rows // 2}"
        if rows > 1
        else "a smaller dataset.size or backbone.precision=fp16"
    )
    return f"engine.batch_size: out of memory with {rows} edits at a time; set {smaller}"
