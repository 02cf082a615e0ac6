"""The parts of an edit can be exchanged: the source of its anchors, and its representation."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from pixels import Pixels, PixelSpace
from safetensors.torch import load_file
from torch import Tensor

from ids.backbones import Gaussian
from ids.core.edit import (
    Anchors,
    EditContext,
    Editor,
    LatentSubject,
    Representation,
    Silent,
    Subject,
    inline,
)
from ids.core.errors import UnsupportedError
from ids.core.records import Anchor, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Uniform
from ids.editing import DistillationEditor, MeteredBackbone, StateRecorder, ThereAndBack, TrueEdit
from ids.methods import (
    DDS,
    FPR,
    PDS,
    DDIMInversion,
    PlugAndPlay,
    PromptToPrompt,
    Reconstruction,
    SDEdit,
)
from ids.representations import LatentSpace

WORLD = Gaussian().load(torch.device("cpu"))
CASES = [Shapes(size=16)[i] for i in range(2)]
RNG = Streams.of(0, [case.id for case in CASES])
DDIM = DDIMInversion()
SAMPLING = [SDEdit(), Reconstruction(DDIM), PlugAndPlay(DDIM, "", ""), PromptToPrompt(DDIM, None)]


def ahead(source_half: Callable[[int], Anchor], n_steps: int, start: int = 0) -> Iterator[Anchor]:
    """All of them before the first step."""
    return iter([source_half(step) for step in range(start, n_steps)])


def editor(rule: object, n_steps: int, lr: float = 0.1, fpr: object = None) -> DistillationEditor:
    refiner = {} if fpr is None else {"fpr": fpr}
    sgd = partial(torch.optim.SGD, lr=lr)
    return DistillationEditor(rule, Uniform(), sgd, n_steps, 3.0, 1.0, **refiner)  # type: ignore[arg-type]


def edited(
    edit: Editor,
    representation: Representation,
    anchors: Anchors = inline,
    cases: Sequence[EditCase] = CASES,
) -> tuple[Subject, Mapping[str, Tensor]]:
    subject = representation.open(WORLD, cases)
    trace = edit(EditContext(WORLD, RNG, anchors=anchors), subject)
    return subject, trace.curves


@pytest.mark.parametrize("representation", [LatentSpace(), PixelSpace()])
@pytest.mark.parametrize("edit", [editor(DDS(), 6, fpr=FPR(2, 0.1)), editor(PDS(), 6)])
def test_anchors_ahead_of_the_loop_give_the_same_edit(
    edit: DistillationEditor, representation: Representation
) -> None:
    """Bit for bit, and so do the curves: the source half never sees the target."""
    (one, curves), (other, others) = (edited(edit, representation, a) for a in (inline, ahead))
    (a,), (b,) = one.parameters(), other.parameters()
    assert torch.equal(a, b)
    assert all(torch.equal(curves[name], others[name]) for name in {*curves, *others})
    assert not torch.equal(a, next(iter(representation.open(WORLD, CASES).parameters())))


def test_two_targets_of_a_source_share_its_anchors() -> None:
    """Stored in the first edit, replayed in the second: the same edit without source passes."""
    edit, stored = editor(DDS(), 5, fpr=FPR(2, 0.1)), list[Anchor]()
    others = [EditCase(c.id, c.source, c.prompt_src, "another target") for c in CASES]

    def storing(
        source_half: Callable[[int], Anchor], n_steps: int, start: int = 0
    ) -> Iterator[Anchor]:
        stored.extend(source_half(step) for step in range(n_steps))
        return iter(stored)

    edited(edit, LatentSpace(), storing)
    alone, _ = edited(edit, LatentSpace(), cases=others)
    metered, subject = MeteredBackbone(WORLD), LatentSpace().open(WORLD, others)
    edit(EditContext(metered, RNG, anchors=lambda *_: iter(stored)), subject)
    assert torch.equal(subject.images(), alone.images())
    assert metered.nfe.forwards == 5 * 2 * len(others)
    assert metered.nfe.backwards == 0


def test_anchors_inline_are_computed_one_by_one() -> None:
    """At most one at a time is in memory."""
    events: list[str] = []

    class Progress:
        def step(self) -> None:
            events.append("step")

    def listening(
        source_half: Callable[[int], Anchor], n_steps: int, start: int = 0
    ) -> Iterator[Anchor]:
        return inline(lambda step: events.append("anchor") or source_half(step), n_steps)

    subject = LatentSpace().open(WORLD, CASES)
    editor(DDS(), 3)(EditContext(WORLD, RNG, Progress(), listening), subject)
    assert events == ["anchor", "step"] * 3


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_wrong_number_of_anchors_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match="zip"):
        edited(editor(DDS(), 3), LatentSpace(), lambda half, n, start=0: ahead(half, count))


def test_another_representation_is_edited_by_the_same_loop() -> None:
    """DDS translates pixels by w (mu_trg - mu_src) / 2: the world's latents are 2 x - 1."""
    subject, curves = edited(editor(DDS(), 150, lr=0.25), PixelSpace())
    assert isinstance(subject, Pixels)
    src, trg = (
        WORLD.prompt([getattr(case, name) for case in CASES]).embedding
        for name in ("prompt_src", "prompt_trg")
    )
    shift = (1.5 * (trg - src))[:, :, None, None].expand_as(subject.x)
    torch.testing.assert_close(subject.x.detach() - subject.source, shift, atol=1e-4, rtol=0)
    assert curves["distance"].shape == (150, 2)


@pytest.mark.parametrize(
    "edit", [*SAMPLING, TrueEdit(), ThereAndBack(SDEdit())], ids=lambda e: type(e).__name__
)
def test_editors_that_write_latents_refuse_other_representations(edit: Editor) -> None:
    message = "Pixels: expected one that gives latents to write; it does not; use a distillation"
    with pytest.raises(UnsupportedError, match=message):
        edited(edit, PixelSpace())


def test_states_are_kept_of_latents_alone() -> None:
    pixels = PixelSpace().open(WORLD, CASES)
    with pytest.raises(UnsupportedError, match="keep_every: expected 0 for Pixels"):
        StateRecorder(Silent(), pixels, every=1)
    StateRecorder(Silent(), pixels, every=0).step()


def test_the_latent_representation(tmp_path: Path) -> None:
    """One view, no part in any key, and a file that has what was edited."""
    subject = LatentSpace().open(WORLD, CASES)
    assert LatentSpace().identity() == {}
    assert isinstance(subject, LatentSubject)
    assert not isinstance(PixelSpace().open(WORLD, CASES), LatentSubject)
    assert subject.view(RNG.at(3)).z_trg is subject.z_trg
    torch.testing.assert_close(
        subject.images(), torch.stack([case.source.load() for case in CASES])
    )
    with torch.no_grad():
        subject.z_trg += 1
    subject.save(tmp_path)
    stored = load_file(tmp_path / "latents.safetensors")
    assert torch.equal(stored["z_trg"], stored["z_src"] + 1)


def test_a_subject_has_its_members_without_running_code() -> None:
    """Python 3.12 looks up the members of a runtime protocol statically: what only `__getattr__`
    finds, as a parameter of an `nn.Module`, is not there.
    """
    backbone = Gaussian().load(torch.device("cpu"))
    subject = LatentSpace().open(backbone, [Shapes()[0]])
    for member in ("cases", "view", "parameters", "images", "save", "z_src", "z_trg"):
        inspect.getattr_static(subject, member)
