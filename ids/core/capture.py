"""Photos of a scene with their cameras."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Camera
from ids.core.records import LazyImage

SHOWN = 8  # viewpoints of a scene


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale * rotation @ x + translation."""

    scale: float
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def __call__(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Points in the other frame, in the precision of the rotation."""
        points = points.to(self.rotation)
        return self.scale * points @ self.rotation.T + self.translation

    def inverse(self) -> "Similarity":
        """The way back."""
        rotation = self.rotation.T
        return Similarity(1 / self.scale, rotation, -rotation @ self.translation / self.scale)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo without lens distortion, and its camera. `is_held_out`: it is for evaluation alone.
    `mask` is white where the edit belongs, where a capture has masks. `covered` is white where the
    photo has content; None: everywhere. The corners of an undistorted photo may have none.
    """

    name: str
    camera: Camera
    image: LazyImage
    is_held_out: bool = False
    mask: LazyImage | None = None
    covered: LazyImage | None = None
    truth: LazyImage | None = None  # the correct edit of this view, if it is known


@dataclass(frozen=True, eq=False)
class Capture:
    """A scene as photographed. World coordinates: z up, the cameras around the origin, the farthest
    one at distance 1. `from_file` maps the coordinates of the capture's files to them, in float64;
    cameras and points are float32. `points` are surface points [P, 3] with colours [P, 3] in
    [0, 1]; empty where the format has none.
    """

    name: str
    photos: Sequence[Photo]
    points: Float[Tensor, "P 3"]
    colours: Float[Tensor, "P 3"]
    from_file: Similarity
    bounded: bool  # does the scene end between near and far, or does it need contraction?


def viewpoints(count: int) -> list[int]:
    """The numbers of the photos, of so many, that show a scene: at most `SHOWN`, evenly chosen, the
    first and the last among them.
    """
    if count <= SHOWN:
        return list(range(count))
    return [round(view * (count - 1) / (SHOWN - 1)) for view in range(SHOWN)]


@runtime_checkable
class SceneSource(LazyImage, Protocol):
    """The source of a case that is a scene: an image that shows it, under a digest that stands for
    the whole capture. Its first photo has the camera of that image.
    """

    def capture(self) -> Capture:
        """The photos. `DataError` if they cannot be read."""
        ...
