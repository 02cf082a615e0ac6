"""The formats of captures, and which one a folder has."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from ids.captures.blender import read_blender
from ids.captures.colmap import model_folder, read_colmap
from ids.captures.found import Found, Place
from ids.captures.llff import FILE, read_llff
from ids.captures.nerfstudio import is_ngp, read_nerfstudio, read_ngp
from ids.captures.transforms import read_transforms
from ids.core.errors import DataError
from ids.data.messages import shorten

Format = Literal["auto", "nerfstudio", "ngp", "blender", "llff", "colmap"]
READERS: Mapping[str, Callable[[Place], Found]] = {
    "nerfstudio": read_nerfstudio,
    "ngp": read_ngp,
    "blender": read_blender,
    "llff": read_llff,
    "colmap": read_colmap,
}
PICKLES = (".ckpt", ".pt", ".pth")
TRAINED = "nerfstudio_models"  # a folder of checkpoints, beside config.yml
FILES = "transforms.json, transforms_train.json, poses_bounds.npy or sparse/0"


def read_capture(path: Path, kind: Format, place: Place) -> Found:
    """What the files of a capture have, in their coordinates. `DataError` for a folder of no known
    format, or of several.
    """
    chosen = _format_of(path, place) if kind == "auto" else kind
    return READERS[chosen](place)


def _format_of(path: Path, place: Place) -> str:
    if path.suffix.lower() == ".ply":
        raise DataError(
            f"{shorten(path)}: expected photos with poses; got a .ply file, which has none; name "
            "the folder of photos"
        )
    if path.suffix.lower() in PICKLES or (path / TRAINED).is_dir():
        raise DataError(
            f"{shorten(path)}: expected photos with poses; got a checkpoint of a model, whose "
            "pickle could run code and is not read; name the folder of photos it was trained on"
        )
    if place.file or (place.folder / "transforms.json").is_file():
        content = read_transforms(place.file or place.folder / "transforms.json")
        return "ngp" if is_ngp(content) else "nerfstudio"
    present = {
        "blender": (place.folder / "transforms_train.json").is_file(),
        "llff": (place.folder / FILE).is_file(),
        "colmap": model_folder(place.folder) is not None,
    }
    found = [name for name, exists in present.items() if exists]
    if not found:
        raise DataError(f"{shorten(path)}: expected a capture with {FILES}; found none")
    if len(found) > 1:
        raise DataError(
            f"{shorten(path)}: expected the files of one format; got those of "
            f"{' and '.join(found)}; name one in dataset.format"
        )
    return found[0]
