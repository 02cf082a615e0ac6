"""Edits that differ in their finish alone, made once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import torch

from ids.core.capabilities import require
from ids.core.edit import CaseChecker, EditContext, Editor, LatentSubject, Subject
from ids.core.protocols import Backbone, Progress
from ids.core.records import EditCase, Trace, digest_of
from ids.core.tensors import Latent


@dataclass(frozen=True)
class KeptEdit:
    """An edit of a batch: z_trg and its gradient, where it has one, at each tick of the progress;
    z_trg at the end, and the trace.
    """

    ticks: Sequence[tuple[Latent, Latent | None]]
    z_trg: Latent
    trace: Trace

    @property
    def n_bytes(self) -> int:
        """Of its latents."""
        n = 1 + sum(1 if gradient is None else 2 for _, gradient in self.ticks)
        return n * self.z_trg.nbytes


@runtime_checkable
class EditCache(Protocol):
    """Keeps edits under names that stand for everything that decides them, none of more than
    `limit` bytes.
    """

    @property
    def limit(self) -> int: ...
    def get(self, name: str) -> KeptEdit | None: ...
    def put(self, name: str, kept: KeptEdit) -> None: ...


@dataclass(frozen=True)
class CachedEditor:
    """An editor that makes each edit of a batch once: one that the `cache` has is repeated from
    it, bit for bit and without an evaluation. `name` stands for the editor and the backbone.
    """

    editor: Editor
    cache: EditCache
    name: str

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
        """As the editor."""
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
        """Edit the subject, or repeat its edit."""
        latents = require(subject, LatentSubject)
        rows = [case.digest for case in subject.cases]
        name = digest_of([self.name, context.rng.keys, rows])
        kept = self.cache.get(name)
        if kept is not None:
            return _repeated(kept, latents, context.progress)
        ticks = _Ticks(context.progress, latents, self.cache.limit)
        trace = self.editor(replace(context, progress=ticks), latents)
        if ticks.found:
            self.cache.put(name, KeptEdit(ticks.found, latents.z_trg.detach().clone(), trace))
        return trace


@dataclass
class _Ticks:
    """A progress listener that copies what the subject has at each tick, none of an edit that takes
    more than `limit` bytes: memory does not grow with its steps.
    """

    progress: Progress
    subject: LatentSubject
    limit: int
    found: list[tuple[Latent, Latent | None]] = field(default_factory=list)
    _bytes: int = 0

    def step(self) -> None:
        """Copy, and pass the step on."""
        z_trg, gradient = self.subject.z_trg, self.subject.z_trg.grad
        self._bytes += z_trg.nbytes + (0 if gradient is None else gradient.nbytes)
        if self._bytes > self.limit:
            self.found.clear()
        else:
            copied = None if gradient is None else gradient.clone()
            self.found.append((z_trg.detach().clone(), copied))
        self.progress.step()


@torch.no_grad()
def _repeated(kept: KeptEdit, subject: LatentSubject, progress: Progress) -> Trace:
    """The same ticks again."""
    for z_trg, gradient in kept.ticks:
        subject.z_trg.copy_(z_trg)
        subject.z_trg.grad = gradient
        progress.step()
    subject.z_trg.copy_(kept.z_trg)
    return kept.trace
