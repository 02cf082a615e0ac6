"""A capture as a data set: one case, the edit of its scene."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ids.captures.formats import Format
from ids.captures.found import Missing
from ids.captures.llff import FILE as LLFF
from ids.captures.opening import REMEDY, Reading, open_capture
from ids.core.capture import Capture, Photo
from ids.core.needed import NeededFile, needed_file, needed_folder
from ids.core.records import EditCase, digest_of
from ids.core.tensors import Image
from ids.data.canvas import checked_canvas
from ids.data.cases import checked_path, checked_prompt, safe_stem
from ids.data.image_tree import ENDINGS


@dataclass(frozen=True)
class CaptureImage:
    """A capture as the source of its case: a `SceneSource`. As an image it is its first photo."""

    photographed: Capture = field(repr=False)

    def capture(self) -> Capture:
        """Photos and cameras."""
        return self.photographed

    def digest(self) -> str:
        """A digest of all photos, masks and cameras. Reads every photo once: `DataError`."""
        return self._digest

    def load(self) -> Image:
        """RGB in [0, 1]. `DataError` if the photo cannot be read."""
        return self.photographed.photos[0].image.load()

    @cached_property
    def _digest(self) -> str:
        points = [self.photographed.points.tolist(), self.photographed.colours.tolist()]
        return digest_of([list(map(_content, self.photographed.photos)), digest_of(points)])


def _content(photo: Photo) -> list[object]:
    camera = photo.camera
    numbers = [camera.fx, camera.fy, camera.cx, camera.cy, camera.near, camera.far]
    mask = photo.mask and photo.mask.digest()
    return [photo.image.digest(), mask, camera.c2w.tolist(), numbers, photo.is_held_out]


@dataclass(frozen=True)
class CaptureFolder:
    """The capture in the folder `path`, or of the transforms.json that it names: photos with poses
    of nerfstudio, instant-ngp, Blender's scenes, LLFF or COLMAP, found by its files or named in
    `format`. Its case edits the scene from `prompt_src` to `prompt_trg`.

    Photos are undistorted and brought to a shorter side of about `size` pixels (None: their own),
    sides divisible by `multiple`. `images`: the folder of photos, for LLFF and COLMAP.
    `held_out_every`: formats without a split hold out every so many-th photo by name, 0 none.
    `missing`: listed photos that are missing are refused or left out; `auto` leaves out those of
    instant-ngp, as that program does.

    Everything but the pixels is checked at the first access to the case: `DataError`.
    """

    path: str
    size: int | None
    prompt_src: str = ""
    prompt_trg: str = ""
    format: Format = "auto"
    images: str = "images"
    held_out_every: int = 8
    missing: Missing = "auto"
    multiple: int = 8

    partial: ClassVar[bool] = False
    of_scenes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_canvas(512 if self.size is None else self.size, "aspect", self.multiple)
        if self.held_out_every < 0 or self.held_out_every == 1:
            raise ValueError(
                f"dataset.held_out_every: expected 0, or 2 and above; got {self.held_out_every}"
            )

    @property
    def name(self) -> str:
        """`capture:` and the name of the folder or file."""
        return f"capture:{os.path.basename(self.place)}"

    @property
    def place(self) -> str:
        """The full path."""
        return os.path.realpath(checked_path(self.path))

    @property
    def view(self) -> str:
        """Size of the photos."""
        side = f"shorter side {self.size} px" if self.size else "the photos' size"
        return f"{side} in steps of {self.multiple}"

    @property
    def reading(self) -> Reading:
        """How the capture is read."""
        return Reading(
            size=self.size,
            multiple=self.multiple,
            format=self.format,
            images=self.images,
            held_out_every=self.held_out_every,
            missing=self.missing,
        )

    def files(self) -> Sequence[NeededFile]:
        """The capture; of LLFF its cameras and folder of photos. Single photos are not named."""
        place = Path(self.place)
        if self.format == "llff" and place.is_dir():
            photos = place / self.images
            files = [file for file in photos.glob("*") if file.suffix.lower() in ENDINGS]
            return [
                needed_file("cameras of LLFF", place / LLFF, REMEDY),
                needed_folder("photos of LLFF", photos, files, REMEDY),
            ]
        files = [place] if place.is_file() else list(place.glob("*"))
        return [needed_folder("capture", place, files, REMEDY)]

    @cached_property
    def capture(self) -> Capture:
        """Photos, cameras and points. `DataError` for the first fault of the files."""
        return open_capture(self.path, self.reading)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> EditCase:
        if index != 0:
            raise IndexError(index)
        return self._case

    @cached_property
    def _case(self) -> EditCase:
        return EditCase(
            id=safe_stem(self.place),
            source=CaptureImage(self.capture),
            prompt_src=checked_prompt(self.prompt_src, "dataset.prompt_src"),
            prompt_trg=checked_prompt(self.prompt_trg, "dataset.prompt_trg"),
        )
