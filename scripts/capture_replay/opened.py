"""A capture as `ids run` opens it, beside its recorded truth."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from capture_replay.truth import Recorded
from ids.captures import CaptureFolder
from ids.captures.found import Found
from ids.captures.opening import find_views
from ids.config.build import build
from ids.config.compose import compose_all
from ids.config.sources import find_sources
from ids.core.capture import Capture, Photo

Array = NDArray[np.float64]
Open = Callable[..., CaptureFolder]
WORDS = ("dataset=capture", "dataset.path=.", "dataset.size=null", "dataset.multiple=1")


def opener() -> Open:
    """`open(path, size=..., ...)`: the data set that a configuration of these values builds."""
    node: Mapping[str, Any] = compose_all(WORDS, find_sources(()))[0].values["dataset"]

    def open_folder(path: Path, **changes: Any) -> CaptureFolder:
        built = build({**node, "path": str(path), **changes}, "dataset")
        assert isinstance(built, CaptureFolder)
        return built

    return open_folder


@dataclass(frozen=True)
class Opened:
    """A capture, its views in the file's frame, and its photos in the order of the truth."""

    recorded: Recorded
    capture: Capture
    found: Found

    @property
    def photos(self) -> list[Photo]:
        by_name = {photo.name: photo for photo in self.capture.photos}
        return [by_name[name] for name in self.recorded.names]

    def world(self, points: Array) -> torch.Tensor:
        """Points of the file's frame in the capture's world."""
        return self.capture.from_file(torch.from_numpy(points))

    def pixels(self, points: Array) -> tuple[Array, Array, Array]:
        """Pixels [V, P, 2], z-depths and ray distances [V, P] in units of the scene."""
        world = self.world(points)
        unit = self.capture.from_file.scale * self.recorded.entry["scene_to_file"]["scale"]
        seen = [photo.camera.project(world.float()) for photo in self.photos]
        centres = [photo.camera.centre for photo in self.photos]
        rays = torch.stack([(world - centre).norm(dim=-1) for centre in centres])
        pixels, depths = (torch.stack(part).double().numpy() for part in zip(*seen, strict=True))
        return pixels, depths / unit, rays.numpy() / unit

    def poses(self) -> Array:
        """Camera-to-world matrices (OpenGL axes) in the file's frame, from the photos' cameras."""
        back = self.capture.from_file.inverse()
        poses = torch.stack([photo.camera.c2w.double() for photo in self.photos])
        turned = poses.clone()
        turned[:, :3, :3] = back.rotation @ poses[:, :3, :3]
        turned[:, :3, 3] = back(poses[:, :3, 3])
        array: Array = turned.numpy()
        return array


def open_recorded(recorded: Recorded, open_folder: Open, **changes: Any) -> Opened:
    folder = open_folder(recorded.path, **changes)
    with collected_warnings():
        return Opened(recorded, folder.capture, find_views(folder.path, folder.reading))


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """The warnings that the readers log meanwhile, instead of showing them."""
    messages: list[str] = []

    class _Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    logger, handler = logging.getLogger("ids"), _Collect(logging.WARNING)
    logger.addHandler(handler)
    former, logger.propagate = logger.propagate, False
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = former
