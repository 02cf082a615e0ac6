"""Jobs to stored results, batch by batch. A row that fails, fails alone."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ids.core.edit import CaseChecker, EditContext, Editor, Representation, View
from ids.core.errors import ConfigError, DataError, IdsError, UnsupportedError
from ids.core.protocols import Backbone, Progress
from ids.core.records import EditCase, Edited, Measurement
from ids.core.rng import Streams
from ids.core.tensors import Images, Latent
from ids.editing import MeteredBackbone, StateRecorder
from ids.representations import LatentSpace
from ids.run.engine import Engine, engine_key
from ids.run.environment import environment
from ids.run.evaluate import Made, loaded
from ids.run.job import Job
from ids.run.memory import peak_bytes, reset_peak
from ids.run.records import Status
from ids.run.store import Store


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: Job
    status: Status
    reason: str = ""
    made: Made | None = None  # of an edit that was just made
    stored: bool = True  # is it a result of the edit, or did something outside it go wrong?


class _Row(NamedTuple):
    """A job that can be edited, with its images in memory."""

    job: Job
    case: EditCase


@dataclass(frozen=True)
class Executor:
    """Runs jobs of one setting on one loaded backbone. `done` jobs have a result already, be it
    that another process made it meanwhile; `replace` makes the new result count all the same.
    """

    editor: Editor
    backbone: Backbone
    engine: Engine
    device: torch.device
    store: Store
    keep_every: int  # steps between kept states; 0 keeps none
    done: Callable[[Job], bool]
    replace: bool = False
    representation: Representation = field(default_factory=LatentSpace)
    _warm: set[torch.Size] = field(default_factory=set)  # latent shapes that have run already

    def __call__(
        self, jobs: Sequence[Job], progress: Callable[[Sequence[Job]], Progress]
    ) -> Iterator[list[Outcome]]:
        """One list of outcomes a batch; everything in it is on disk by then, and claimed until the
        next is asked for.
        """
        size = self.engine.batch_size
        for batch in self.store.claims.batches(jobs, size, lambda job: job.key, self.done):
            yield self._run(batch, progress(batch))

    def _run(self, jobs: list[Job], progress: Progress) -> list[Outcome]:
        readable, outcomes = self._read(jobs)
        by_shape = defaultdict(list)  # photos may keep their aspect
        for row in readable:
            by_shape[row.case.source.load().shape].append(row)
        for rows in by_shape.values():
            outcomes += self._alike(rows, progress)
        return [self._stated(outcome) for outcome in outcomes]

    def _stated(self, outcome: Outcome) -> Outcome:
        """The outcome, with a failure stored where it is one of the edit itself."""
        if outcome.status == "ok" or not outcome.stored:
            return outcome
        if self.store.put_failure(outcome.job, outcome.status, outcome.reason):
            return outcome
        return replace(outcome, reason=f"{outcome.reason}; the earlier result stays")

    def _alike(self, rows: Sequence[_Row], progress: Progress) -> list[Outcome]:
        """Edits of images of one size, side by side."""
        try:
            return self._edit(rows, progress)
        except UnsupportedError as error:
            return [Outcome(row.job, "unsupported", str(error)) for row in rows]
        except DataError as error:
            return [Outcome(row.job, "failed", str(error)) for row in rows]
        except RuntimeError as error:
            raise self._explained(error, len(rows)) from error

    def _read(self, jobs: list[Job]) -> tuple[list[_Row], list[Outcome]]:
        """Each case with its images. A case that cannot be read fails alone."""
        rows, failed = [], []
        for job in jobs:
            try:
                case = loaded(job.case)
            except DataError as error:  # since it was looked at: no result of this edit
                failed.append(Outcome(job, "failed", str(error), stored=False))
                continue
            try:
                if job.prompts is not None:
                    self.backbone.prompt(job.prompts)
                    if isinstance(self.editor, CaseChecker):
                        self.editor.check(self.backbone, case)
                rows.append(_Row(job, case))
            except IdsError as error:
                failed.append(Outcome(job, "failed", str(error)))
        return rows, failed

    def _edit(self, rows: Sequence[_Row], progress: Progress) -> list[Outcome]:
        jobs = [row.job for row in rows]
        subject = self.representation.open(self.backbone, [row.case for row in rows])
        metered = MeteredBackbone(self.backbone)
        rng = Streams.of([job.seed or 0 for job in jobs], [job.case.source_digest for job in jobs])
        self._warm_up(subject.view(rng).z_src)
        reset_peak(self.device)
        began = time.perf_counter()
        kept = StateRecorder(progress, subject, self.keep_every if self.editor.anytime else 0)
        trace = self.editor(EditContext(metered, rng, kept), subject)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        taken = Measurement(
            seconds=(time.perf_counter() - began) / len(jobs),
            forwards=metered.nfe.forwards / len(jobs),
            backwards=metered.nfe.backwards / len(jobs),
            peak_bytes=peak_bytes(self.device),
        )
        engine = self.engine.describe(self.device)
        # The measurement first: a job counts as done once its result is there.
        self.store.numbers.put_measurement(
            engine_key(engine), engine, [job.key for job in jobs], taken
        )
        made = self._made(rows, subject.images(), subject.view(rng), kept.states())
        return [
            self._keep(one, {name: values[:, row] for name, values in trace.curves.items()}, engine)
            for row, one in enumerate(made)
        ]

    def _made(
        self, rows: Sequence[_Row], images: Images, view: View, states: Mapping[int, Latent]
    ) -> list[Made]:
        """Rows of a finished batch, on the CPU."""
        images = images.cpu()
        z_src, z_trg = view.z_src.cpu(), view.z_trg.detach().cpu().clone()
        kept = {step: z.cpu() for step, z in states.items()}
        return [
            Made(
                row.job,
                row.case,
                Edited(images[index], z_src[index], z_trg[index]),
                {step: z[index] for step, z in kept.items()},
            )
            for index, row in enumerate(rows)
        ]

    def _keep(
        self, made: Made, curves: Mapping[str, Tensor], engine: Mapping[str, str | int]
    ) -> Outcome:
        job, edited = made.job, made.edited
        if not (edited.z_trg.isfinite().all() and edited.image.isfinite().all()):
            return Outcome(
                job,
                "failed",
                f"expected finite latents; {_first_bad_step(curves)}",
            )
        self.store.put_z_src(job.source_name, edited.z_src)
        self.store.put(
            job,
            edited,
            curves,
            made.states,
            environment(engine),
            self.replace,
            self.keep_every,
        )
        return Outcome(job, "ok", made=made)

    def _warm_up(self, z_src: Latent) -> None:
        """One forward and backward before the clock starts: kernels are chosen and memory is mapped
        on first use.
        """
        if z_src.shape in self._warm:
            return
        self._warm.add(z_src.shape)
        z = z_src.clone().requires_grad_()
        t = torch.zeros(len(z), dtype=torch.long, device=z.device)
        self.backbone.eps(z, self.backbone.prompt([""] * len(z)), t).sum().backward()

    def _explained(self, error: RuntimeError, rows: int) -> Exception:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(
            error
        ):
            return error
        smaller = (
            f"engine.batch_size={rows // 2}"
            if rows > 1
            else "a smaller dataset.size or backbone.precision=fp16"
        )
        return ConfigError(
            f"engine.batch_size: out of memory with {rows} edits at a time; set {smaller}"
        )


def _first_bad_step(curves: Mapping[str, torch.Tensor]) -> str:
    bad = (~curves["gradient"].isfinite()).nonzero() if "gradient" in curves else torch.empty(0)
    where = (
        f"NaN or infinity first in step {int(bad[0])}"
        if len(bad)
        else "NaN or infinity in the result"
    )
    return f"{where}; try backbone.precision=fp32 or another seed"
