"""Laws of scenes under edit: the null edit, the cost of a step, views, rates and the replay."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
import torch
from diorama import CAPTURE, CASE, decode, encode, fitted
from torch import Tensor

from ids.backbones import Gaussian
from ids.core.edit import Anchors, EditContext, View, inline
from ids.core.errors import UnsupportedError
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.diffusion import Bank, Uniform
from ids.editing import DistillationEditor, MeteredBackbone
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR
from ids.representations.scene import SceneEditing, SceneRow, SceneSubject
from ids.scenes.checkpoint import read_checkpoint

WORLD = Gaussian().load(torch.device("cpu"))
RNG = Streams.of(0, [CASE.source_digest])
NULL = EditCase("null", CASE.source, CASE.prompt_src, CASE.prompt_src)
REFINED = {"dds": {}, "ids": {"fpr": FPR(2, 0.1)}}


def opened(how: SceneEditing = SceneEditing(), case: EditCase = CASE) -> SceneSubject:  # noqa: B008
    return SceneSubject([SceneRow(fitted(), CAPTURE, encode, how, decode)], [case])


def editor(
    name: str, n_steps: int, draws: object = None, optimizer: object = None
) -> DistillationEditor:
    sgd = optimizer or partial(torch.optim.SGD, lr=0.1)
    return DistillationEditor(DDS(), draws or Uniform(), sgd, n_steps, **REFINED[name])  # type: ignore[arg-type]


def run(
    edit: DistillationEditor,
    subject: SceneSubject,
    backbone: Backbone = WORLD,
    anchors: Anchors = inline,
) -> Mapping[str, Tensor]:
    return edit(EditContext(backbone, RNG, anchors=anchors), subject).curves


def changed(subject: SceneSubject) -> dict[str, float]:
    """The largest change of each parameter group."""
    (row,) = subject.rows
    pairs = zip(row.model.groups(), row.source.groups(), strict=True)
    return {
        now.name: max(
            float((a - b).detach().abs().max())
            for a, b in zip(now.parameters, was.parameters, strict=True)
        )
        for now, was in pairs
    }


@pytest.mark.parametrize("name", ["dds", "ids"])
def test_the_null_edit_is_exactly_nothing(name: str) -> None:
    """Both halves are noised with the same eps*: no rounding is left for Adam to enlarge."""
    subject = opened(case=NULL)
    adam = partial(torch.optim.Adam, lr=0.02, eps=1e-8)
    curves = run(editor(name, 4, optimizer=adam), subject)
    assert curves["gradient"].abs().max() == 0
    assert changed(subject) == {"density": 0, "colour": 0}


@pytest.mark.parametrize("update", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["dds", "ids"])
def test_the_null_edit_is_exactly_nothing_with_source_halves_ahead(name: str, update: str) -> None:
    """A network whose rounding depends on the number of rows, as real ones do."""
    subject = opened(SceneEditing(update=update), NULL)  # type: ignore[arg-type]
    adam = partial(torch.optim.Adam, lr=0.02, eps=1e-8)
    curves = run(editor(name, 4, optimizer=adam), subject, _Rounding(), Ahead(8))
    assert curves["gradient"].abs().max() == 0
    assert changed(subject) == {"density": 0, "colour": 0}


class _Rounding:
    """The Gaussian world with predictions that depend a little on the number of rows."""

    schedule, encode, decode = WORLD.schedule, WORLD.encode, WORLD.decode
    prompt = staticmethod(WORLD.prompt)

    def eps(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        return WORLD.eps(z_t, y, t) * (1 + 1e-6 * len(z_t))


@pytest.mark.parametrize("update", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["dds", "ids"])
def test_an_edit_changes_the_scene(name: str, update: str) -> None:
    subject = opened(SceneEditing(update=update))  # type: ignore[arg-type]
    run(editor(name, 3), subject)
    assert min(changed(subject).values()) > 0


def test_a_bank_of_source_halves_leaves_the_target_half() -> None:
    """Once each view's draws are in the bank, a step of IDS costs less than one of DDS."""
    spent = {}
    for name, steps, draws in (
        ("ids", 4, Bank(size=4)),
        ("ids", 9, Bank(size=4)),
        ("dds", 9, None),
    ):
        metered = MeteredBackbone(WORLD)
        run(editor(name, steps, draws), opened(), metered)
        spent[name, steps] = metered.nfe
    after = spent["ids", 9].forwards - spent["ids", 4].forwards
    assert after == 5 * 2
    assert spent["ids", 9].backwards == spent["ids", 4].backwards
    assert after / 5 < spent["dds", 9].forwards / 9 == 4


def test_views_depend_on_the_step_alone_and_reach_every_photo() -> None:
    subject = opened()
    sources = [subject.view(RNG.at(step)).z_src for step in range(60)]
    assert all(subject.view(RNG.at(step)).z_src is sources[step] for step in (3, 0, 41))
    assert len({id(z) for z in sources}) == len(subject.rows[0].photos) == 8


def test_the_source_is_the_render_or_the_photo() -> None:
    render, photo = (opened(SceneEditing(source=name)) for name in ("render", "photo"))  # type: ignore[arg-type]
    view = render.view(RNG)
    assert torch.equal(view.z_src, view.z_trg)
    (number,) = [
        n
        for n, p in enumerate(photo.rows[0].photos)
        if torch.equal(encode(p.image.load()[None]), photo.view(RNG).z_src)
    ]
    assert torch.equal(render.rows[0].z_src(number), view.z_src)


def test_rates_are_factors_of_the_learning_rate() -> None:
    """One SGD step is proportional to its group's rate; a group of rate 0 stays."""
    whole, tenth, frozen = (
        opened(SceneEditing(update="encoder", rates={"density": r})) for r in (1.0, 0.1, 0.0)
    )
    for subject in (whole, tenth, frozen):
        run(editor("dds", 1), subject)
    assert changed(tenth)["density"] == pytest.approx(0.1 * changed(whole)["density"], rel=1e-3)
    assert changed(tenth)["colour"] == changed(whole)["colour"] == changed(frozen)["colour"] > 0
    assert changed(frozen)["density"] == 0


def test_an_optimizer_that_enlarges_rounding_errors_is_refused() -> None:
    adam = partial(torch.optim.Adam, lr=0.01, eps=1e-15)
    message = r"method.optimizer.eps: expected 1e-08 or more for a scene; got 1e-15; raise it"
    with pytest.raises(UnsupportedError, match=message):
        run(editor("dds", 1, optimizer=adam), opened())


def test_replay_keeps_distances() -> None:
    free = opened(SceneEditing(update="encoder"))
    kept = opened(SceneEditing(update="encoder", replay=30.0))
    moved = []
    for subject in (free, kept):
        run(editor("dds", 8), subject)
        (row,) = subject.rows
        now = row.model.render(row.shown).distance.detach()
        moved.append(float((now - row.before(0).distance.flatten()).abs().mean()))
    assert moved[1] < 0.7 * moved[0]


def test_z_trg_is_rendered_once_and_only_when_it_is_read() -> None:
    calls = []
    view = View(torch.zeros(1, 4, 8, 8), lambda: calls.append(1) or torch.ones(1, 4, 8, 8))
    assert not calls
    assert view.z_trg is view.z_trg
    assert calls == [1]


def test_an_edited_scene_is_saved_whole(tmp_path: Path) -> None:
    subject = opened()
    run(editor("dds", 1), subject)
    subject.save(tmp_path)
    found = read_checkpoint(tmp_path / "scene_0.safetensors", "edited")
    assert found is not None
    assert torch.equal(found.tensors["model.colour"], subject.rows[0].model.state_dict()["colour"])
    assert subject.images().shape == (1, 3, 32, 32)
