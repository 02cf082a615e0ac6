"""An edited scene in the browser: cameras, images, refusals, and a server where viser exists."""

import math
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
import report_store
import torch
from conftest import InProcess
from diorama import CAPTURE, fitted

from ids.captures.poses import rotation_of
from ids.core.edit import SILENT
from ids.core.errors import ConfigError
from ids.launch.viewed import viewed_scene
from ids.report.scene_viewer import DISTANCES, SceneServer, ViewedScene, browser_camera
from ids.run.store import Store

COLOURS = "colours"


def viewed() -> ViewedScene:
    edited = fitted()
    with torch.no_grad():
        edited.colour.add_(0.2)
    return ViewedScene("a scene", edited, fitted(), CAPTURE)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_browsers_camera_sees_what_the_browser_shows() -> None:
    """Its axes are OpenCV's: x right, y down, z forward; the field of view is the vertical one."""
    wxyz, place = np.array([0.5, -0.1, 0.7, 0.3]), np.array([0.3, -0.2, 0.5])
    camera = browser_camera(CAPTURE, wxyz, place, math.radians(60), 1.5)
    right, down, forward = rotation_of(list(wxyz)).T
    top = place + 2 * forward - 2 * math.tan(math.radians(30)) * down
    points = np.stack([place + 2 * forward, top, place + 2 * forward + 0.1 * right])
    pixels, depth = camera.project(torch.from_numpy(points).float())
    height, width = camera.height, camera.width
    assert width == 1.5 * height
    assert torch.allclose(pixels[0], torch.tensor([width / 2, height / 2]), atol=1e-3)
    assert torch.allclose(pixels[1], torch.tensor([width / 2, 0.0]), atol=1e-3)
    assert pixels[2, 0] > width / 2
    assert torch.allclose(depth, torch.tensor(2.0))


def test_both_scenes_and_their_distances_are_drawn() -> None:
    scene, camera = viewed(), CAPTURE.photos[0].camera.resized(16, 24)
    after, before = (scene.image(edited, COLOURS, camera) for edited in (True, False))
    assert after.shape == before.shape == (16, 24, 3)
    assert after.mean() > before.mean() + 20
    near = scene.image(True, DISTANCES, camera)
    assert np.array_equal(near[..., 0], near[..., 2])
    assert near.min() == 0
    assert near.max() == 255


def test_without_viser_one_line_names_the_extra(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    status, out, err = in_process("view", "3fb1c2")
    assert status != 0
    assert (
        (out + err)
        .strip()
        .endswith("ids view: expected the package viser; got none; pip install 'ids-editing[view]'")
    )
    assert len((out + err).strip().splitlines()) == 1
    status, out, err = in_process("view", "3fb1c2", "--port", "70000")
    assert status == 2
    assert "--port: expected 1 to 65535; got 70000; change it" in out + err


def test_an_image_is_no_scene(tmp_path: Path) -> None:
    report_store.write_store(tmp_path, 1, ("ids",))
    key = next(Store(tmp_path).all_keys())
    with pytest.raises(ConfigError, match="expected an edited scene; got an image"):
        viewed_scene(tmp_path, key, SILENT)


@pytest.mark.skipif(find_spec("viser") is None, reason="needs viser, the extra `view`")
def test_a_scene_is_served_on_the_port_that_was_named() -> None:
    server = SceneServer(viewed(), free_port())
    try:
        with urlopen(server.address, timeout=30) as answer:
            assert answer.status == 200
        with pytest.raises(ConfigError, match=r"--port: expected a free port; got \d+, which is"):
            SceneServer(viewed(), server.port)
    finally:
        server.close()
