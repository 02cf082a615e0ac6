"""Captures as scenes: pixels without content, devices, what is refused before a fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from captures import ring, write_transforms
from diorama import CAPTURE, CASE, FIT, held_out_psnr
from torch import Tensor

from ids.backbones import Gaussian
from ids.captures import CaptureFolder
from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.core.tensors import Image
from ids.metrics import FitPSNR
from ids.representations import Scenes, Voxels
from ids.run.session import LoadedModels
from ids.scenes.fit import Fit, FitReport
from ids.scenes.model import pick
from ids.scenes.path import path
from ids.scenes.photos import FitPhotos, on_device, shot

WORLD = Gaussian().load(torch.device("cpu"))


@dataclass
class Counted:
    """An image that counts how often it is decoded."""

    image: Image
    loads: int = 0

    def digest(self) -> str:
        return "counted"

    def load(self) -> Image:
        self.loads += 1
        return self.image


@dataclass(frozen=True)
class Heard:
    """A listener to preparation that keeps all it hears."""

    lines: list[tuple[str, int, int, str]]

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        self.lines.append((what, done, total, state))


def left_half_is_missing(image: Image) -> Image:
    """1 where a photo has content: in its right half."""
    covered = torch.ones_like(image)
    covered[..., : image.shape[-1] // 2] = 0
    return covered


def spoilt() -> Sequence[Tensor]:
    """The parameters of a fit to photos of which the left halves have no content."""
    found = []
    for colour in (0.0, 1.0):
        photos = []
        for photo in CAPTURE.photos:
            covered = left_half_is_missing(photo.image.load())
            image = torch.where(covered == 1, photo.image.load(), colour)
            photos.append(replace(photo, image=Counted(image), covered=Counted(covered)))
        model = Voxels(8, 8)(CAPTURE)
        replace(FIT, n_steps=3, n_rays=64)(model, replace(CAPTURE, photos=photos))
        found.append(model.colour.detach())
    return found


def test_pixels_without_content_are_not_fitted() -> None:
    """Whatever colour they have."""
    black, white = spoilt()
    assert torch.equal(black, white)
    assert black.abs().max() > 0


def test_pixels_without_content_are_not_judged() -> None:
    photo = CAPTURE.photos[4]
    covered = left_half_is_missing(photo.image.load())
    image = photo.image.load() * covered
    partial = replace(photo, image=Counted(image), covered=Counted(covered))
    seen = shot(partial)
    assert len(seen.pixels) == len(seen.rgb) == 32 * 32 // 2
    assert torch.equal(seen.rgb, image.flatten(1).T[seen.pixels])
    assert int((seen.pixels % 32).min()) == 16
    model = Voxels(8, 8)(CAPTURE)
    whole, part = (replace(CAPTURE, photos=[p]) for p in (photo, partial))
    spoilt = replace(CAPTURE, photos=[replace(partial, covered=None)])
    assert held_out_psnr(model, part) != pytest.approx(held_out_psnr(model, spoilt), abs=0.1)
    assert held_out_psnr(model, whole) != held_out_psnr(model, part)
    with pytest.raises(DataError, match=r"004: expected pixels with content"):
        shot(replace(partial, covered=Counted(torch.zeros_like(covered))))


def test_photos_are_decoded_once() -> None:
    photos = [replace(photo, image=Counted(photo.image.load())) for photo in CAPTURE.photos]
    fit = Fit(n_steps=6, n_rays=32, checkpoint_every=2)
    fit(Voxels(8, 8)(CAPTURE), replace(CAPTURE, photos=photos))
    assert {photo.image.loads for photo in photos} == {1}  # type: ignore[attr-defined]


def test_rays_are_those_of_their_pixels() -> None:
    """Colours and rays of a draw belong together, and no held-out photo is among them."""
    photos = FitPhotos.of(CAPTURE)
    target = photos.rays(200, torch.Generator().manual_seed(3))
    for origin, direction, rgb in zip(*target.picked.rays, target.rgb, strict=True):
        (one,) = (s for s in photos.shots if torch.equal(s.camera.centre, origin))
        number = int((pick(one.camera).rays.directions - direction).abs().sum(1).argmin())
        assert torch.equal(one.rgb[number], rgb)
    assert len(photos.shots) == 8


def test_a_capture_goes_to_the_device_of_the_backbone() -> None:
    """Cameras, rays, colours and the model."""
    meta = torch.device("meta")
    moved = on_device(CAPTURE, meta)
    tensors = [photo.camera.c2w for photo in moved.photos]
    cameras = [photo.camera for photo in moved.photos]
    tensors += [pick(cameras[0]).near, pick(cameras[0]).rays.directions, shot(moved.photos[0]).rgb]
    tensors += [parameter for g in moved_model(meta) for parameter in g]
    assert {x.device for x in tensors} == {meta}
    assert {photo.camera.c2w.device.type for photo in CAPTURE.photos} == {"cpu"}


def moved_model(device: torch.device) -> list[list[Tensor]]:
    model = Voxels(8, 8)(CAPTURE)
    model.to(device)
    return [list(group.parameters) for group in model.groups()]


def test_models_and_cameras_of_scenes_follow_the_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    meta = torch.device("meta")
    monkeypatch.setattr("ids.representations.scenes.device_of", lambda *_: meta)
    monkeypatch.setattr(Fit, "__call__", lambda *_, **__: None)
    (row,) = Scenes(Voxels(8, 8)).open(WORLD, [CASE]).rows
    assert {p.device for g in row.model.groups() for p in g.parameters} == {meta}
    assert {photo.camera.c2w.device for photo in row.capture.photos} == {meta}


def test_a_path_is_on_the_device_of_its_cameras() -> None:
    """Both kinds of path, in float64: torch refuses a mixture of devices in the same places."""
    for turn in (1.0, -1.0):
        cameras = [
            replace(p.camera, c2w=p.camera.c2w.double() * (turn if n % 2 else 1.0))
            for n, p in enumerate(CAPTURE.photos)
        ]
        assert {camera.c2w.dtype for camera in path(cameras, 4)} == {torch.float64}


def test_a_fit_is_reported_with_its_quality() -> None:
    heard = Heard([])
    scenes = Scenes(Voxels(8, 8), Fit(n_steps=4, n_rays=32, checkpoint_every=3))
    subject = scenes.open(WORLD, [CASE], heard)
    assert [line[:3] for line in heard.lines] == [(f"fit {CASE.id}", n, 4) for n in (1, 2, 3, 4)]
    assert heard.lines[0][3] == heard.lines[1][3] == ""
    psnr = held_out_psnr(subject.rows[0].model, CAPTURE)
    assert heard.lines[-1][3] == f"{psnr:.1f} dB held out"


def test_the_metric_of_a_fit_is_its_psnr() -> None:
    scenes = Scenes(Voxels(8, 8), Fit(n_steps=4, n_rays=32))
    subject = scenes.open(WORLD, [CASE])
    (scene,) = subject.scenes()
    models = LoadedModels(torch.device("cpu"))
    z = torch.zeros(1, 1, 1)
    from ids.core.records import Edited

    (found,) = FitPSNR()([CASE], [Edited(subject.images()[0], z, z, scene)], models)
    assert found == pytest.approx(held_out_psnr(subject.rows[0].model, CAPTURE), abs=0.05)
    (none,) = FitPSNR()([CASE], [Edited(subject.images()[0], z, z)], models)
    assert none != none


def case_of(folder: Path, size: int = 16) -> EditCase:
    return CaptureFolder(str(folder), size, "a red square", "a blue square")[0]


def test_a_capture_is_fitted_and_seen(tmp_path: Path) -> None:
    case = case_of(write_transforms(tmp_path, ring(9), k1=0.1))
    scenes = Scenes(Voxels(8, 8), Fit(n_steps=2, n_rays=32))
    subject = scenes.open(WORLD, [case])
    assert subject.images().shape == (1, 3, 16, 24)
    (scene,) = subject.scenes()
    assert scene.before.shape == (9, 3, 16, 24)
    assert scene.path_before.shape == (24, 3, 16, 24)
    assert scene.distance_before.isfinite().all()


def test_photos_of_two_sizes_are_refused_before_the_fit(tmp_path: Path) -> None:
    case = case_of(write_transforms(tmp_path, ring(4)))
    capture = case.source.capture()  # type: ignore[attr-defined]
    tall = replace(capture.photos[1], camera=capture.photos[1].camera.resized(24, 16))
    mixed = replace(capture, photos=[capture.photos[0], tall, *capture.photos[2:]])
    source = replace(case.source, photographed=mixed)  # type: ignore[type-var]
    heard = Heard([])
    with pytest.raises(DataError, match=r"expected photos of one size; got 16x24 and 24x16"):
        Scenes(Voxels(8, 8)).open(WORLD, [replace(case, source=source)], heard)
    assert heard.lines == []


def test_a_finished_fit_reads_no_photo(tmp_path: Path) -> None:
    photos = [replace(photo, image=Counted(photo.image.load())) for photo in CAPTURE.photos]
    capture, fit = replace(CAPTURE, photos=photos), Fit(n_steps=1, n_rays=32)
    heard: list[FitReport] = []
    for _ in range(2):
        fit(Voxels(8, 8)(capture), capture, tmp_path / "x.safetensors", "x", heard.append)
    assert len(heard) == 1
    assert {photo.image.loads for photo in photos} == {1}  # type: ignore[attr-defined]
