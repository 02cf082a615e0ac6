"""Malformed captures, to be refused in one clear line, and unusual ones, to be read."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from metric_replay.lines import Line, exact_line, guarded

from capture_replay.geometry import PIXEL, distance, error_line
from capture_replay.opened import Array, Open, collected_warnings
from capture_replay.truth import Json, Truth
from ids.captures import CaptureFolder, read_gaussians
from ids.core.capture import Capture
from ids.core.errors import IdsError

SECONDS = 20  # a case that takes longer hangs
NAMED = re.compile(r"[\w/-]+\.(?:png|jpg|bin|txt|npy|json|ply)|row \d+")  # a culprit by its name
ALTERNATIVE = re.compile(r"\bor\b")


def malformed(truth: Truth, open_folder: Open) -> Iterator[Line]:
    """A line per case: the message."""
    for case in truth.content.get("malformed", {}).get("cases", ()):
        yield from guarded(f"malformed/{case['id']}", [_refusal(truth, case, open_folder)])


def unusual(truth: Truth, open_folder: Open) -> Iterator[Line]:
    """Lines per case: photos, split, reprojection."""
    content = truth.content.get("unusual", {})
    for case in content.get("cases", ()):
        lines = _loads(truth, case, open_folder(truth.folder / case["path"]))
        yield from guarded(f"unusual/{case['id']}", lines)


def _refusal(truth: Truth, case: Json, open_folder: Open) -> Line:
    name, folder = f"malformed/{case['id']}", truth.folder / case["path"]
    try:
        with _alarm(), collected_warnings() as warned:
            _open(case, folder, open_folder)
    except IdsError as error:
        message = str(error).replace(str(truth.folder), "")
        lacking = [word for word in NAMED.findall(case["expect"]) if word not in message]
        if lacking or "\n" in message or not message.strip():
            return Line(name, "FAIL", f"names no {', '.join(lacking) or 'fault'}: {message}")
        return Line(name, "ok", message)
    if warned and ALTERNATIVE.search(case["expect"]):
        return Line(name, "ok", f"loads: {warned[0]}".replace(str(truth.folder), ""))
    return Line(name, "FAIL", f"loads; expected {case['expect']}")


def _open(case: Json, folder: Path, open_folder: Open) -> None:
    if case["format"] == "ply":
        for file in sorted(folder.rglob("*.ply")):
            read_gaussians(file)
    else:
        _ = open_folder(folder).capture


def _loads(truth: Truth, case: Json, folder: CaptureFolder) -> Iterator[Line]:
    name = f"unusual/{case['id']}"
    with _alarm(), collected_warnings() as warned:
        capture = folder.capture
        for photo in capture.photos:
            photo.image.load()
    order = case.get("frames") or {image: n for n, image in enumerate(case["names"])}
    yield exact_line(f"{name}/names", sorted(p.name for p in capture.photos), sorted(order))
    yield error_line(f"{name}/reprojection", _reprojection(truth, capture, order), PIXEL, "px")
    if "say" in case["expect"] and not ALTERNATIVE.search(case["expect"]):
        yield Line(f"{name}/warning", "ok" if warned else "FAIL", "; ".join(warned[:1]))
    if "train" in case:
        trained = sorted(photo.name for photo in capture.photos if not photo.is_held_out)
        yield exact_line(f"{name}/train", trained, sorted(case["train"]))


def _reprojection(truth: Truth, capture: Capture, order: Json) -> float:
    """Of the known points; the file's frame is the scene's."""
    points = capture.from_file(torch.from_numpy(truth.floats("mini/points8"))).float()
    wanted, poses = truth.floats("mini/pixels8"), truth.floats("mini/c2w_opencv")
    worst = 0.0
    for photo in capture.photos:
        pixels: Array = photo.camera.project(points)[0].double().numpy()
        number = order[photo.name]
        centre = capture.from_file(torch.from_numpy(poses[number][:3, 3]))
        apart = float((centre - photo.camera.centre).norm())
        worst = max(worst, distance(pixels, wanted[number]), 0 if apart < 1e-6 else np.inf)
    return worst


@contextmanager
def _alarm() -> Iterator[None]:
    """`TimeoutError` for what hangs."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
