"""Metrics of the geometry of a scene."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diorama import CASE, true_edit
from safetensors.torch import load, save
from torch.nn import functional as F

from ids.metrics import DepthChange, WarpError
from ids.run.scene_files import SCENE, read_scene, scene_files
from ids.run.session import LoadedModels

MODELS = LoadedModels(torch.device("cpu"))


def test_depth_change_is_relative() -> None:
    edited = true_edit()
    assert edited.scene is not None
    assert DepthChange()([CASE], [edited], MODELS) == [0]
    farther = replace(edited.scene, distance_after=edited.scene.distance_before * 1.1)
    before = edited.scene.distance_before.float()
    (value,) = DepthChange()([CASE], [replace(edited, scene=farther)], MODELS)
    assert value == pytest.approx(float(0.1 * before.mean() / before.median()), rel=0.02)


def test_rays_that_hit_nothing_have_no_part_in_metrics_of_geometry() -> None:
    """Views of sky do not change the value; a ray counts that hits something before the edit or
    after it.
    """
    edited = true_edit()
    scene = edited.scene
    assert scene is not None
    moved = replace(scene, distance_after=scene.distance_before * 1.1)
    half = torch.zeros_like(scene.opacity_before)
    half[5:] = 1
    empty_half = replace(moved, opacity_before=half, opacity_after=half)
    parts = ("before", "after", "distance_before", "distance_after")
    parts += ("opacity_before", "opacity_after")
    alone = replace(empty_half, **{n: getattr(empty_half, n)[5:] for n in parts})
    change = DepthChange()([CASE], [replace(edited, scene=empty_half)], MODELS)
    assert change == DepthChange()([CASE], [replace(edited, scene=alone)], MODELS)
    one_hits = replace(empty_half, opacity_after=torch.ones_like(half))
    assert DepthChange()([CASE], [replace(edited, scene=one_hits)], MODELS) == DepthChange()(
        [CASE], [replace(edited, scene=moved)], MODELS
    )
    nothing = replace(moved, opacity_before=0 * half, opacity_after=0 * half)
    for metric in (DepthChange(), WarpError()):
        assert math.isnan(metric([CASE], [replace(edited, scene=nothing)], MODELS)[0])


def test_opacities_of_former_results_are_1(tmp_path: Path) -> None:
    tensors = load(scene_files(true_edit())[SCENE])
    former = {n: x for n, x in tensors.items() if not n.startswith("opacity")}
    for found, expected in ((tensors, 128 / 255), (former, 1.0)):
        content = {n: torch.full_like(x, 128) if "opac" in n else x for n, x in found.items()}
        (tmp_path / SCENE).write_bytes(save(content))
        scene = read_scene(tmp_path)
        assert scene is not None
        assert (scene.opacity_before == expected).all()
        assert scene.opacity_after.shape == scene.distance_after.shape


def test_true_views_agree_and_moved_ones_do_not() -> None:
    edited = true_edit()
    assert edited.scene is not None
    (agreeing,) = WarpError()([CASE], [edited], MODELS)
    alternating = edited.scene.after.clone()
    alternating[::2] = F.pad(alternating[::2], (4, 0))[..., :-4]
    (moved,) = WarpError()(
        [CASE], [replace(edited, scene=replace(edited.scene, after=alternating))], MODELS
    )
    assert 0 < agreeing < 0.08
    assert moved > 1.5 * agreeing
