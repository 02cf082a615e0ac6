"""An editor whose result and kept states are finished."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch

from ids.core.capabilities import require
from ids.core.edit import CaseChecker, EditContext, Editor, Finish, LatentSubject, Subject
from ids.core.protocols import Backbone, Progress
from ids.core.records import EditCase, Trace
from ids.core.tensors import PositionMap
from ids.diffusion import ConstantGuidance
from ids.editing.cached import CachedEditor, EditCache
from ids.editing.distill import DistillationEditor
from ids.editing.soft_mask import position_norm
from ids.editing.there_and_back import ThereAndBack
from ids.representations import LatentImage


@dataclass(frozen=True)
class Finished:
    """An editor, and a `finish` of its result and of each kept state. It costs no evaluation.

    The editor never sees a finished latent: state k is the finished result of an edit of k steps.
    `ValueError` for a finish of gradients of an editor without any, and for a round trip, of which
    each edit would have to be finished.
    """

    editor: Editor
    finish: Finish

    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        if isinstance(self.editor, ThereAndBack):
            raise ValueError("finish: expected none for an edit and its reverse; use finish=none")
        made_by = self.editor.editor if isinstance(self.editor, CachedEditor) else self.editor
        if self.finish.reads_gradient and not isinstance(made_by, DistillationEditor):
            raise ValueError(
                f"finish: expected a method that descends a gradient; got "
                f"{type(made_by).__name__}; use finish=displacement_mask"
            )

    @property
    def uses_seed(self) -> bool:
        """As the editor."""
        return self.editor.uses_seed

    @property
    def uses_prompts(self) -> bool:
        """As the editor."""
        return self.editor.uses_prompts

    @property
    def anytime(self) -> bool:
        """As the editor: a finish depends on the state alone, or on the steps before it."""
        return self.editor.anytime

    @property
    def n_ticks(self) -> int:
        """Those of the editor."""
        return self.editor.n_ticks

    def check(self, backbone: Backbone, case: EditCase) -> None:
        """What the editor checks."""
        if isinstance(self.editor, CaseChecker):
            self.editor.check(backbone, case)

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Edit a copy of the latents, and write what is finished to the subject."""
        shown = require(subject, LatentSubject)
        raw = LatentImage(shown.z_src, shown.cases, context.backbone.decode)
        steps = _FinishedSteps(context.progress, self.finish, raw, shown, self.anytime)
        trace = self.editor(replace(context, progress=steps), raw)
        steps.show()
        return trace


def unfinished(editor: Editor) -> Editor:
    """The editor without its finish."""
    return editor.editor if isinstance(editor, Finished) else editor


def source_editor(editor: Editor) -> Editor:
    """An editor whose source halves are the same at equal guidance scales: finishes and schedules
    are no part of them.
    """
    raw = unfinished(editor)
    return replace(raw, guidance=ConstantGuidance()) if isinstance(raw, DistillationEditor) else raw


def cached_editor(editor: Editor, cache: EditCache, name: str) -> Editor:
    """The editor, with edits that it shares with other finishes of the same `name`. An editor that
    takes no step, and a round trip, are as they were.
    """
    raw = unfinished(editor)
    if not raw.n_ticks or isinstance(raw, ThereAndBack):
        return editor
    kept = CachedEditor(raw, cache, name)
    return replace(editor, editor=kept) if isinstance(editor, Finished) else kept


@dataclass
class _FinishedSteps:
    """A progress listener that finishes the `raw` latents, before the listener behind it keeps the
    `shown` ones.
    """

    progress: Progress
    finish: Finish
    raw: LatentImage
    shown: LatentSubject
    anytime: bool
    _steps: int = 0
    _gradient: PositionMap | None = field(default=None, repr=False)  # summed over the steps

    def step(self) -> None:
        """Count a step, finish its state where it is a result, and pass the step on."""
        self._steps += 1
        if self.finish.reads_gradient and self.raw.z_trg.grad is not None:
            norm = position_norm(self.raw.z_trg.grad)
            self._gradient = norm if self._gradient is None else self._gradient + norm
        if self.anytime:
            self.show()
        self.progress.step()

    @torch.no_grad()
    def show(self) -> None:
        """Finish the raw latents."""
        mean = None if self._gradient is None else self._gradient / self._steps
        self.shown.z_trg.copy_(self.finish(self.raw.z_src, self.raw.z_trg, mean))
