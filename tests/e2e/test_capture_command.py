"""`ids data` of captures: every fault in one line, and the cameras as a figure."""

from pathlib import Path

import numpy as np
import torch
from captures import GOLDEN, ring, write_transforms
from conftest import InProcess
from PIL import Image

from ids.captures import open_capture
from ids.report.capture_figure import HELD_OUT, TRAINED, pyramid

FOX = ("capture", "dataset.path=fox")


def test_a_capture_is_described(in_process: InProcess) -> None:
    write_transforms(Path("fox"), ring(9), k1=0.1)
    status, out, _ = in_process("data", "check", *FOX, "dataset.size=8")
    assert status == 0
    lines = [line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  ")]
    found = {name: text for name, text in lines if name not in ("image", "read", "near,")}
    assert found["format"] == "nerfstudio"
    assert found["photos"] == "9, of which 2 are held out"
    assert found["distorted"] == "9 photos are undistorted"
    assert "24x16 (9)" in out
    assert "in steps of 8: 16x8" in out  # 12 by 8, to a multiple of 8
    assert "the capture can be used" in out


def test_every_fault_is_one_line(in_process: InProcess) -> None:
    write_transforms(Path("fox"), ring())
    for number in (1, 4):
        Path(f"fox/images/{number:02}.png").unlink()
    Path("fox/images/02.png").write_bytes(Path("fox/images/02.png").read_bytes()[:90])
    status, out, _ = in_process("data", "check", *FOX)
    faults = out.partition("\n\n")[0].splitlines()
    assert status == 1
    assert all(name in line for name, line in zip(("01", "04", "02"), faults, strict=True))
    assert "3 faults: the capture cannot be used" in out


def test_a_capture_that_does_not_exist(in_process: InProcess) -> None:
    status, out, _ = in_process("data", "check", *FOX)
    assert status == 1
    assert "dataset.path fox: expected a capture; found none" in out
    status, _, err = in_process("data", "show", *FOX)
    assert status == 1
    assert err.count("\n") == 1
    assert not list(Path().glob("*.png"))


def test_cameras_are_drawn(in_process: InProcess) -> None:
    path = GOLDEN / "captures" / "orbit_pinhole" / "colmap_bin"
    status, out, _ = in_process("data", "show", "capture", f"dataset.path={path}")
    assert status == 0
    assert "capture_sheet.png: the cameras of 16 photos" in out
    with Image.open("capture_sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    for colour in (TRAINED, HELD_OUT):
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (abs(pixels - wanted).max(axis=-1) < 40).sum() > 100


def test_a_drawn_camera_is_its_view(tmp_path: Path) -> None:
    """Its base projects onto the corners of the photo."""
    camera = open_capture(write_transforms(tmp_path, ring(), cx=10.0)).photos[1].camera
    line = pyramid(camera)
    corners, _ = camera.project(torch.from_numpy(line[:4]).float())
    width, height = camera.width, camera.height
    wanted = torch.tensor([[0.0, 0], [width, 0], [width, height], [0, height]])
    assert torch.allclose(corners, wanted, atol=1e-3)
    assert np.allclose(line[5], camera.centre.numpy())
