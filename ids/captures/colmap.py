"""COLMAP's sparse models, binary and text: https://colmap.github.io/format.html.

A reader with bounds of its own: COLMAP's accepts NaN poses, zero quaternions, repeated names and
trailing bytes, and does not return from a file that ends inside a name.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ids.captures.colmap_binary import read_binary_model, read_binary_points
from ids.captures.colmap_records import ColmapImage, ColmapModel
from ids.captures.colmap_text import read_text_model, read_text_points
from ids.captures.found import Found, Place, View, collect, no_images, note, photo_file
from ids.captures.poses import pose_of_colmap
from ids.core.errors import DataError
from ids.data.image_tree import find_images
from ids.data.messages import quote, shorten

Array = NDArray[np.float64]
MODELS = ("sparse/0", "sparse", "colmap/sparse/0")  # where models lie below a folder


def model_folder(folder: Path) -> Path | None:
    """The folder of the sparse model, if one of its files exists."""
    stems = ("images", "cameras", "points3D")
    names = [f"{stem}{ending}" for stem in stems for ending in (".bin", ".txt")]
    found = (folder / model for model in MODELS)
    return next((m for m in found if any((m / name).is_file() for name in names)), None)


def read_colmap(place: Place) -> Found:
    """Photos by name, poses, lenses, points; masks in a folder `masks` beside the photos."""
    folder = model_folder(place.folder)
    if folder is None:
        raise DataError(
            f"{shorten(place.folder)}: expected a model in {' or '.join(MODELS)}; found none"
        )
    model = _model(folder)
    photos = place.folder / place.images
    if not photos.is_dir():
        raise no_images(photos, FileNotFoundError(2, "no such folder"))
    file = f"{shorten(folder)}/{model.images_file}"

    def view_of(image: ColmapImage) -> View:
        return _view(place, model, image, file)

    views, faults = collect(model.images, view_of, file, place.missing == "leave_out")
    _note_unused(photos, {image.name for image in model.images})
    points, colours = read_points(folder)
    return Found("colmap", views, faults, points, colours)


def read_points(folder: Path) -> tuple[Array, Array]:
    """The points [P, 3] of a model, and their colours in [0, 1]; none without such a file."""
    if (file := folder / "points3D.bin").is_file():
        return read_binary_points(file)
    if (file := folder / "points3D.txt").is_file():
        return read_text_points(file)
    return np.zeros((0, 3)), np.zeros((0, 3))


def _model(folder: Path) -> ColmapModel:
    is_binary = (folder / "images.bin").is_file() or (folder / "cameras.bin").is_file()
    ending, read = (".bin", read_binary_model) if is_binary else (".txt", read_text_model)
    for name in (f"cameras{ending}", f"images{ending}"):
        if not (folder / name).is_file():
            raise DataError(f"{shorten(folder)}: expected {name}; found none; copy it there")
    return read(folder)


def _view(place: Place, model: ColmapModel, image: ColmapImage, file: str) -> View:
    where = f"{file} image {image.id} ({quote(image.name)})"
    lens = model.cameras.get(image.camera)
    if lens is None:
        raise DataError(
            f"{where}: expected a camera of the model; got camera {image.camera}, which "
            "does not exist; write the model again"
        )
    photo = photo_file(place.folder / place.images, image.name, where)
    return View(
        name=image.name,
        file=photo,
        c2w=pose_of_colmap(image.quaternion, image.translation, where),
        lens=lens,
        mask=_mask(place.folder / "masks", image.name),
    )


def _mask(folder: Path, name: str) -> Path | None:
    """`masks/NAME.png`, as COLMAP itself names masks, or the name with the ending replaced."""
    names = (f"{name}.png", str(Path(name).with_suffix(".png")))
    found = (folder / one for one in names if (folder / one).is_file())
    return next((file for file in found if file.resolve().is_relative_to(folder.resolve())), None)


def _note_unused(photos: Path, used: set[str]) -> None:
    unused = [quote(image.name) for image in find_images(photos) if image.name not in used]
    one, many = "photo has no pose and is unused", "photos have no pose and are unused"
    note(shorten(photos), unused, one, many)
