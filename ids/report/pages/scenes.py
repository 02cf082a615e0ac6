"""Edited scenes as data of the page: each method at the same viewpoints, and its video."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from PIL import Image as PIL
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ids.core.capture import Photo, SceneSource, viewpoints
from ids.core.errors import DataError
from ids.core.records import EditCase, EditedScene, digest_of
from ids.core.tensors import Image, Images
from ids.images import to_pil
from ids.report.pages.groups import PageGroup
from ids.report.pages.images import ImageFolder
from ids.report.pages.inputs import PageInputs
from ids.report.pages.states import SMALL
from ids.results.catalog import Entry
from ids.run.scene_files import SCENE, STATE, VIDEO, distance_maps, read_scene
from ids.run.store import Store

WHITE = 0.5  # error that is white in an error map, of colours in [0, 1]


def scenes_data(
    page: PageGroup, store: Store, inputs: PageInputs, images: ImageFolder
) -> tuple[dict[str, Any], list[str]]:
    """Names of images: of unedited scenes by the number of the case in the page's list, of edits by
    that of the result; and notes on scenes that cannot be read.
    """
    entries = page.group.entries
    numbers = {case: n for n, case in enumerate(dict.fromkeys(e.row.case for e in entries))}
    cases: dict[str, Any] = {}
    results: dict[str, Any] = {}
    notes: dict[str, None] = {}
    for place, entry in enumerate(entries):
        if entry.record.status != "ok" or SCENE not in entry.record.files:
            continue
        scene = _scene(entry, store, inputs.cases.get(entry.row.case), images)
        try:
            results[str(place)] = scene.after()
            number = str(numbers[entry.row.case])
            if number not in cases:
                cases[number] = scene.before()
        except DataError as error:
            notes[f"A scene is not shown: {error}"] = None
        except (SafetensorError, OSError) as error:
            notes[f"A scene is not shown: {scene.folder / SCENE}: {error}"] = None
    return {"cases": cases, "results": results}, list(notes)


@dataclass
class _Scene:
    """One edited scene, read when an image of it is drawn. `photos` are those of its capture; empty
    where that cannot be read any more.
    """

    folder: Path
    digest: str  # of its file
    video: str  # name of its image
    photos: Sequence[Photo]
    images: ImageFolder

    def before(self) -> dict[str, Any]:
        """Of the unedited scene: viewpoints, renders, distances; where they are known, masks, the
        true edit and the distance from it.
        """
        found = {
            "views": [self._view(view) for view in self.views],
            "render": self._drawn("before", lambda scene, view: scene.before[view]),
            "distance": self._drawn("d_before", lambda _, view: self.distances[0][view]),
        }
        if any(masks := self._masks()):
            found["mask"] = masks
        if self.truths:
            found["truth"] = self._drawn("truth", lambda _, view: self.truths[view])
            found["error"] = self._errors("e_before", lambda scene: scene.before)
        return found

    def after(self) -> dict[str, Any]:
        """Of the edit: renders, distances, video; kept states; the error where the true edit is
        known.
        """
        found: dict[str, Any] = {
            "render": self._drawn("after", lambda scene, view: scene.after[view]),
            "distance": self._drawn("d_after", lambda _, view: self.distances[1][view]),
            "video": self.video,
        }
        if steps := self._steps():
            found["states"] = {"steps": steps, "images": [self._state(step) for step in steps]}
        if self.truths:
            found["error"] = self._errors("e_after", lambda scene: scene.after)
        return found

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """The number of all views, their height and width."""
        with safe_open(self.folder / SCENE, "pt") as opened:
            count, _, height, width = opened.get_slice("before").get_shape()
        return count, height, width

    @property
    def small(self) -> bool:
        """Are images small enough to be stored without loss?"""
        return max(self.shape[1:]) <= SMALL

    @cached_property
    def views(self) -> list[int]:
        """The viewpoints shown."""
        return viewpoints(self.shape[0])

    @cached_property
    def truths(self) -> dict[int, Image]:
        """The true edit by viewpoint; empty where one is not known."""
        photos = {view: self.photos[view] for view in self.views} if self.photos else {}
        if any(photo.truth is None for photo in photos.values()):
            return {}
        return {view: photo.truth.load() for view, photo in photos.items() if photo.truth}

    @cached_property
    def content(self) -> EditedScene:
        """The scene itself."""
        found = read_scene(self.folder)
        if found is None:
            raise DataError(f"{self.folder}: expected an edited scene; found none")
        return found

    @cached_property
    def distances(self) -> tuple[Images, Images]:
        """Grey maps of all views, before and after."""
        return distance_maps(self.content)

    def _view(self, view: int) -> str:
        if not self.photos:
            return f"view {view + 1}"
        photo = self.photos[view]
        return f"{photo.name} (held out)" if photo.is_held_out else photo.name

    def _steps(self) -> list[int]:
        """The steps of kept states, from 0."""
        with safe_open(self.folder / SCENE, "pt") as opened:
            kept = [name.removeprefix(STATE) for name in opened.keys() if name.startswith(STATE)]  # noqa: SIM118
        return [0, *sorted(int(step) for step in kept)] if kept else []

    def _state(self, step: int) -> list[str]:
        """The names of a state's images, of the viewpoints that were kept."""
        with safe_open(self.folder / SCENE, "pt") as opened:
            first = next(name for name in sorted(opened.keys()) if name.startswith(STATE))
            count = opened.get_slice(first).get_shape()[0]

        def draw(place: int) -> PIL.Image:
            found = self.content.states[step] if step else self.content.before[self.views]
            return to_pil(found[place])

        return [
            self.images.draw(
                digest_of([self.digest, "state", step, place]), partial(draw, place), self.small
            )
            for place in range(count)
        ]

    def _masks(self) -> list[str]:
        """The name of the mask's image at each viewpoint; empty where none is known."""
        size = "x".join(map(str, self.shape[1:]))
        return [
            self.images.mask(self.photos[view].mask if self.photos else None, size)
            for view in self.views
        ]

    def _drawn(self, kind: str, image: Callable[[EditedScene, int], Image]) -> list[str]:
        """The names of the images of a kind, one per viewpoint."""

        def draw(view: int) -> PIL.Image:
            return to_pil(image(self.content, view))

        return [
            self.images.draw(digest_of([self.digest, kind, view]), partial(draw, view), self.small)
            for view in self.views
        ]

    def _errors(self, kind: str, renders: Callable[[EditedScene], Tensor]) -> list[str]:
        def error(scene: EditedScene, view: int) -> Image:
            found = (renders(scene)[view] - self.truths[view]).abs().mean(dim=0) / WHITE
            return found.clamp(max=1).expand(3, -1, -1)

        return self._drawn(kind, error)


def _scene(entry: Entry, store: Store, case: EditCase | None, images: ImageFolder) -> _Scene:
    record, folder = entry.record, store.folder(entry.record.key)
    video = images.link(folder / VIDEO, record.files[VIDEO].sha256) if VIDEO in record.files else ""
    photos: Sequence[Photo] = ()
    if case is not None and isinstance(case.source, SceneSource):
        with suppress(DataError):
            photos = case.source.capture().photos
    return _Scene(folder, record.files[SCENE].sha256, video, photos, images)
