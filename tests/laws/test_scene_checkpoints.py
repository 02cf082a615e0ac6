"""An edit of a scene that is cut continues from its checkpoint, and ends as a whole one."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from diorama import CAPTURE, CASE, decode, encode, fitted
from safetensors.torch import load_file, save_file
from torch import Tensor

from ids.backbones import Gaussian
from ids.core.checkpoints import NO_CHECKPOINTS, Checkpoints
from ids.core.edit import Anchors, EditContext, inline
from ids.core.errors import DataError
from ids.core.prompt import Prompt
from ids.core.records import EditedScene, Trace
from ids.core.rng import Streams
from ids.diffusion import Bank, Uniform
from ids.editing import DistillationEditor, MeteredBackbone, ViewRecorder
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR
from ids.representations import Scenes
from ids.representations.edit_checkpoints import EditCheckpoints
from ids.representations.scene import SceneEditing, SceneRow, SceneSubject
from ids.run.spent import CountedCheckpoints
from ids.scenes.voxels import Voxels

WORLD = Gaussian().load(torch.device("cpu"))
RNG = Streams.of(0, [CASE.source_digest])
N_STEPS, CUT = 8, 5
SGD = partial(torch.optim.SGD, lr=0.1)
MOMENTUM = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
ADAM = partial(torch.optim.Adam, lr=0.02, eps=1e-8)


class Rounding:
    """Predictions that depend a little on the number of rows, as those of real networks do."""

    schedule, encode, decode = WORLD.schedule, WORLD.encode, WORLD.decode
    prompt = staticmethod(WORLD.prompt)

    def eps(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        return WORLD.eps(z_t, y, t) * (1 + 1e-4 * len(z_t))


class Cut(BaseException):
    """An interruption."""


@dataclass
class Steps:
    """Counts steps; the edit is cut after `cut` of them."""

    cut: int | None = None
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.cut:
            raise Cut


class NoViews:
    """Scenes of which nothing is rendered."""

    def scenes(self) -> list[EditedScene]:
        return []

    def views(self) -> list[Tensor]:
        return [torch.zeros(1, 3, 2, 2)]


def opened() -> SceneSubject:
    return SceneSubject([SceneRow(fitted(), CAPTURE, encode, SceneEditing(), decode)], [CASE])


def run(
    editor: DistillationEditor, checkpoints: Checkpoints, anchors: Anchors, steps: Steps
) -> tuple[dict[str, Tensor], Trace]:
    subject = opened()
    context = EditContext(Rounding(), RNG, steps, anchors, checkpoints)
    trace = editor(context, subject)
    return dict(subject.rows[0].model.state_dict()), trace


@pytest.mark.parametrize(
    ("optimizer", "anchors", "draws"),
    [
        (SGD, inline, Uniform()),
        (MOMENTUM, Ahead(3), Uniform()),
        (ADAM, Ahead(3), Bank(size=4)),
    ],
)
def test_a_cut_edit_ends_as_a_whole_one(
    tmp_path: Path, optimizer: object, anchors: Anchors, draws: object
) -> None:
    """Ahead(3) evaluates three steps in a call, and checkpoints fall between two calls."""
    editor = DistillationEditor(DDS(), draws, optimizer, N_STEPS, fpr=FPR(1, 0.1))  # type: ignore[arg-type]
    kept = EditCheckpoints(tmp_path / "cut", "edit", 2)
    with pytest.raises(Cut):
        run(editor, kept, anchors, Steps(CUT))
    state = kept.read()
    assert state is not None
    assert state.step == 4
    steps = Steps()
    resumed, curves = run(editor, kept, anchors, steps)
    whole, others = run(editor, EditCheckpoints(tmp_path / "whole", "edit", 100), anchors, Steps())
    assert steps.count == N_STEPS
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert set(curves.curves) == set(others.curves)
    assert all(torch.equal(curves.curves[n], others.curves[n]) for n in others.curves)
    assert not (tmp_path / "whole").exists()


def test_views_of_states_are_those_of_shorter_edits_and_survive_a_cut(tmp_path: Path) -> None:
    """Cut after step 3, with views of step 1 in the checkpoint of step 2."""

    def edited(
        n_steps: int, file: str, cut: int | None = None
    ) -> tuple[SceneSubject, ViewRecorder]:
        subject, kept = opened(), EditCheckpoints(tmp_path / file, "edit", 2)
        views = ViewRecorder(Steps(cut), subject, kept, 1, n_steps)
        editor = DistillationEditor(DDS(), Uniform(), SGD, n_steps)
        editor(EditContext(Rounding(), RNG, views, inline, views), subject)
        return subject, views

    with pytest.raises(Cut):
        edited(4, "cut", 3)
    (_, resumed), (_, whole) = edited(4, "cut"), edited(4, "whole")
    assert list(resumed.states(0)) == list(whole.states(0)) == [1, 2, 3]
    assert all(torch.equal(resumed.states(0)[n], view) for n, view in whole.states(0).items())
    short, _ = edited(1, "short")
    assert torch.equal(whole.states(0)[1], short.views()[0])
    assert whole.states(0)[1].shape == (4, 3, 32, 32)


def test_kept_states_are_few() -> None:
    for n_steps, every, kept in ((1000, 10, 20), (25, 10, 2), (20, 10, 1), (8, 0, 0)):
        views = ViewRecorder(Steps(), opened(), NO_CHECKPOINTS, every, n_steps)
        views.subject = NoViews()  # type: ignore[assignment]
        for _ in range(n_steps):
            views.step()
        steps = list(views.states(0))
        assert len(steps) <= kept
        assert len(steps) > kept / 2 - (not kept)
        assert all(step % every == 0 and step < n_steps for step in steps)


def test_what_was_done_is_neither_done_again_nor_forgotten(tmp_path: Path) -> None:
    """Evaluations of both processes add up to those of a whole edit, and the times add up."""
    editor = DistillationEditor(DDS(), Uniform(), SGD, N_STEPS)
    spent = []
    for cut in (4, None):
        metered = MeteredBackbone(WORLD)
        counted = CountedCheckpoints(EditCheckpoints(tmp_path / "cut", "edit", 4), metered.nfe)
        try:
            editor(EditContext(metered, RNG, Steps(cut), inline, counted), opened())
        except Cut:
            cost = metered.nfe.forwards
        spent.append(counted.spent)
    (first, *_), (seconds, forwards, backwards) = spent
    assert cost == 4 * 4
    assert metered.nfe.forwards == (N_STEPS - 4) * 4
    assert (forwards, backwards) == (N_STEPS * 4, 0)
    assert seconds > 0.9 * first
    counted.remove()
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_edit_is_refused(tmp_path: Path) -> None:
    editor = DistillationEditor(DDS(), Uniform(), SGD, 3)
    kept = EditCheckpoints(tmp_path / "cut", "edit", 2)
    run(editor, kept, inline, Steps())
    with pytest.raises(DataError, match="expected a checkpoint of other; got one of edit"):
        EditCheckpoints(tmp_path / "cut", "other", 2).read()
    tensors = load_file(tmp_path / "cut")
    save_file(
        {n: x[..., :2].clone() if x.ndim > 3 else x for n, x in tensors.items()},
        tmp_path / "cut",
        {"step": "2", "name": "edit"},
    )
    with pytest.raises(DataError, match="expected the parameters of this edit"):
        run(editor, kept, inline, Steps())
    (tmp_path / "cut").write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match=r"expected a checkpoint of a scene; got .*; remove it"):
        kept.read()


def test_checkpoints_decide_no_result() -> None:
    """They change no key, and none is written without a folder or with 0."""
    often, never = (Scenes(Voxels(), editing=SceneEditing(checkpoint_every=n)) for n in (5, 0))
    assert often.identity() == never.identity()
    assert not often.checkpoints("x").due(5)
    assert not Scenes(Voxels(), folder="here").checkpoints("x").due(5)
    with pytest.raises(ValueError, match=r"checkpoint_every: expected 0 or more; got -1"):
        SceneEditing(checkpoint_every=-1)
