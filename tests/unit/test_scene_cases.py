"""Cases that are scenes: the data set, the representation, stored files, paths and metrics."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diorama import CAPTURE, CASE, FIT, true_edit
from safetensors.torch import save

from ids.backbones import Gaussian
from ids.core.capture import SceneSource
from ids.core.errors import DataError
from ids.data import SceneShapes, Shapes
from ids.images import from_png
from ids.metrics import PSNR, OverViews
from ids.representations import Fit, GaussianSplats, SceneEditing, Scenes, TriPlanes, Voxels
from ids.run.in_memory import with_images
from ids.run.scene_files import SCENE, SHEET, VIDEO, read_scene, scene_files
from ids.run.session import LoadedModels
from ids.scenes.path import focus_of, path
from ids.shapes.diorama import camera_at

WORLD = Gaussian().load(torch.device("cpu"))
MODELS = LoadedModels(torch.device("cpu"))
Z = torch.zeros(3, 8, 8)
PHOTOS = CAPTURE.photos
VIEWS = CASE.source.views  # type: ignore[attr-defined]


def test_cases_are_those_of_the_flat_shapes() -> None:
    scenes, flat = SceneShapes(count=4), Shapes(count=4, edits=["colour", "shape"])
    for i in range(4):
        scene, image = scenes[i], flat[i]
        assert isinstance(scene.source, SceneSource)
        assert (scene.id, scene.prompt_src, scene.prompt_trg) == (
            image.id,
            image.prompt_src,
            image.prompt_trg,
        )
        torch.testing.assert_close(scene.source.load(), image.source.load(), atol=1e-5, rtol=0)
        assert scene.digest != image.digest
    assert scenes.name != flat.name
    with pytest.raises(ValueError, match=r"dataset.n_views: expected 5 or more; got 2"):
        SceneShapes(n_views=2)


def test_the_digest_stands_for_all_views() -> None:
    same, fewer = SceneShapes(count=1, n_views=10, size=32)[0], SceneShapes(count=1, size=32)[0]
    assert same.digest == CASE.digest
    assert fewer.source_digest != CASE.source_digest


def test_edits_change_the_mask_alone() -> None:
    """In every view, and the mask is not everything."""
    for photo in PHOTOS:
        assert photo.mask is not None
        assert photo.truth is not None
        mask, change = photo.mask.load(), (photo.truth.load() - photo.image.load()).abs()
        assert (change * (1 - mask)).max() == 0
        assert change.max() > 0.1
        assert 0.05 < mask.mean() < 0.6


def test_views_have_parallax() -> None:
    """The nearer card moves against the wall: the turn of a camera alone moves both alike."""
    left, right = (camera_at(a, 0.0, 64) for a in (-15.0, 15.0))
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.4, 0.0]])
    (card, wall), (card_too, wall_too) = (c.project(points)[0][:, 0] for c in (left, right))
    assert float(card) == pytest.approx(float(card_too), abs=1e-3) == pytest.approx(32, abs=1e-3)
    assert abs(float(wall - wall_too)) > 8


def test_images_of_a_case_are_read_once_and_its_scene_stays() -> None:
    case = with_images(CASE)
    assert isinstance(case.source, SceneSource)
    assert case.digest == CASE.digest


def test_a_scene_is_fitted_once(tmp_path: Path) -> None:
    scenes = Scenes(Voxels(12, 12), replace(FIT, n_steps=3), folder=str(tmp_path))
    first, again = (scenes.open(WORLD, [CASE]).rows[0].model.state_dict() for _ in range(2))
    (file,) = tmp_path.iterdir()
    assert file.stem == scenes.name(CASE.source)
    assert all(torch.equal(first[name], again[name]) for name in {*first, *again})


def test_what_decides_results_is_in_the_identity() -> None:
    base = Scenes(Voxels())
    others = [
        Scenes(Voxels(resolution=32)),
        Scenes(Voxels(), replace(FIT, n_steps=9)),
        Scenes(Voxels(), editing=SceneEditing(source="photo")),
        Scenes(Voxels(), editing=SceneEditing(rates={"density": 0.1})),
        Scenes(Voxels(), editing=SceneEditing(update="encoder")),
    ]
    identities = [str(sorted(scenes.identity().items())) for scenes in (base, *others)]
    assert len(set(identities)) == len(identities)
    same = Scenes(Voxels(radius=0.0), editing=SceneEditing(chunk=5), folder="elsewhere")
    assert same.identity() == base.identity()


def test_a_model_with_other_numbers_has_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `revision` is raised; that of others, and so their keys, stay."""
    scenes, other = Scenes(Voxels()), Scenes(GaussianSplats())
    before = scenes.identity(), scenes.name(CASE.source), other.identity()
    assert "revision" not in scenes.identity()["model"]
    monkeypatch.setattr(Voxels, "revision", 2, raising=False)
    assert scenes.identity() != before[0]
    assert scenes.name(CASE.source) != before[1]
    assert other.identity() == before[2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            lambda: Scenes(Voxels(), Fit(rates={"dens": 1.0})),
            "fit.rates: expected names of density",
        ),
        (lambda: Scenes(Voxels(), editing=SceneEditing(rates={"means": 1.0})), "got means"),
        (
            lambda: Scenes(Voxels(), editing=SceneEditing(rates={"density": 0.0, "colour": 0.0})),
            "editing.rates: expected one above 0; got 0 for all",
        ),
        (
            lambda: SceneEditing(rates={"density": -1.0}),
            "rates.density: expected 0 or more; got -1",
        ),
        (lambda: Fit(lr=0.0), "representation.fit.lr: expected a number above 0; got 0"),
        (lambda: Fit(smoothness=-1.0), "fit.smoothness: expected 0 or more; got -1"),
        (lambda: Voxels(n_samples=0), "representation.model.n_samples: expected 1 or more; got 0"),
        (lambda: TriPlanes(resolutions=[8, 1]), r"expected numbers of 2 or more; got \[8, 1\]"),
        (lambda: GaussianSplats(count=3), "model.count: expected 8 or more; got 3"),
    ],
)
def test_settings_that_fit_nothing_are_refused(
    settings: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        settings()


def test_an_image_is_no_scene() -> None:
    with pytest.raises(DataError, match="case dev-0000-colour: expected a scene; got an image"):
        Scenes(Voxels()).open(WORLD, [Shapes(count=1)[0]])


def test_files_of_a_scene_are_read_back(tmp_path: Path) -> None:
    edited = true_edit()
    assert edited.scene is not None
    states = {10: edited.scene.after[:2], 4: edited.scene.before[:2]}
    edited = replace(edited, scene=replace(edited.scene, states=states))
    for name, content in scene_files(edited).items():
        (tmp_path / name).write_bytes(content)
    found = read_scene(tmp_path)
    assert found is not None
    assert edited.scene is not None
    assert (found.after - edited.scene.after).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(found.distance_before, edited.scene.distance_before)
    assert list(found.states) == [4, 10]
    assert torch.equal(found.states[10], found.after[:2])
    assert from_png(tmp_path / SHEET).shape == (3, 4 * 32, 6 * 32)
    assert from_png(tmp_path / VIDEO).shape == (3, 32, 64)
    assert scene_files(replace(edited, scene=None)) == {}
    (tmp_path / SCENE).write_bytes(b"torn")
    with pytest.raises(DataError, match=r"scene.safetensors: expected the tensors of a scene; got"):
        read_scene(tmp_path)
    (tmp_path / SCENE).unlink()
    assert read_scene(tmp_path) is None


def test_metrics_over_views_are_means() -> None:
    edited, metric = true_edit(), PSNR("truth", "whole")
    assert edited.scene is not None
    noisy = edited.scene.after.clone()
    noisy[0] += 0.1
    noisy[1:] += 0.01
    shown = replace(edited, scene=replace(edited.scene, after=noisy))
    (value,) = OverViews(metric)([CASE], [shown], MODELS)
    assert value == pytest.approx((20 + 9 * 40) / 10, abs=1e-2)
    (held_out,) = OverViews(metric, "held_out")([CASE], [shown], MODELS)
    assert held_out == pytest.approx(40, abs=1e-2)
    assert math.isnan(OverViews(metric)([CASE], [replace(edited, scene=None)], MODELS)[0])
    assert OverViews(PSNR("source", "background"))([CASE], [edited], MODELS) == [math.inf]


def test_a_path_looks_at_the_scene() -> None:
    """From around the cameras' places where they see one side; from everywhere where they do."""
    cameras = [photo.camera for photo in PHOTOS]
    places = torch.stack([c.centre for c in cameras])
    directions = torch.stack([c.forward for c in cameras])
    torch.testing.assert_close(focus_of(places, directions), torch.zeros(3), atol=0.02, rtol=0)
    for camera in path(cameras, 6):
        pixels, depth = camera.project(torch.zeros(1, 3))
        torch.testing.assert_close(pixels[0], torch.tensor([16.0, 16.0]), atol=0.6, rtol=0)
        assert 0.8 < float(depth) < 1.2
    around = [camera_at(float(a), 20.0, 32) for a in range(0, 360, 30)]
    azimuths = {round(math.atan2(*c.centre[:2].tolist()), 1) for c in path(around, 8)}
    assert len(azimuths) == 8


def test_tensors_of_a_scene_hold_its_model() -> None:
    content = scene_files(true_edit())[SCENE]
    assert len(content) > len(save({"x": Z}))
