"""Cameras and images of a COLMAP model, and its camera models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ids.captures.lens import Lens, checked_lens
from ids.core.errors import DataError

MODELS: Mapping[str, tuple[str, ...]] = {  # camera models that are read, and their parameters
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
}
IDS = (  # of all camera models in binary files
    *MODELS,
    *("OPENCV_FISHEYE", "FULL_OPENCV", "FOV", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE"),
    "THIN_PRISM_FISHEYE",
)


@dataclass(frozen=True)
class ColmapImage:
    """An image record: world to camera, x_cam = R(q) x + t, in OpenCV's axes."""

    id: int
    quaternion: Sequence[float]  # w, x, y, z
    translation: Sequence[float]
    camera: int
    name: str


@dataclass(frozen=True)
class ColmapModel:
    """Lenses by camera id, and images in the order of the file."""

    cameras: Mapping[int, Lens]
    images: Sequence[ColmapImage]
    images_file: str


def parameter_names(model: str, where: str) -> tuple[str, ...]:
    """The parameters of a camera model. `DataError` for one that is not read."""
    if model not in MODELS:
        raise DataError(
            f"{where}: expected a camera model of {', '.join(MODELS)}; got {model}; undistort the "
            "photos first (colmap image_undistorter)"
        )
    return MODELS[model]


def lens_of(model: str, width: int, height: int, values: Sequence[float], where: str) -> Lens:
    """The lens of a camera record. `DataError` for another number of parameters."""
    names = parameter_names(model, where)
    if len(values) != len(names):
        raise DataError(
            f"{where}: expected {len(names)} parameters of {model}; got {len(values)}; write the "
            "model again"
        )
    numbers = dict(zip(names, values, strict=True))
    if "f" in numbers:
        numbers["fx"] = numbers["fy"] = numbers.pop("f")
    return checked_lens(Lens(width, height, **numbers), where)


def check_images(images: Sequence[ColmapImage], where: str) -> None:
    """`DataError` for no image, or an id that occurs twice."""
    if not images:
        raise DataError(f"{where}: expected images with poses; got none; write the model again")
    ids: set[int] = set()
    for image in images:
        if image.id in ids:
            raise DataError(f"{where}: expected every image id once; got {image.id} twice")
        ids.add(image.id)
