"""Scenes under edit: a fitted scene model, seen through the cameras of its photos."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from ids.core.camera import Camera
from ids.core.capture import Capture, Photo, viewpoints
from ids.core.edit import Parameters, View
from ids.core.records import EditCase, EditedScene
from ids.core.rng import Randomness
from ids.core.tensors import Images, Latent
from ids.images import eight_bit
from ids.scenes.checkpoint import write_checkpoint
from ids.scenes.limits import check_least
from ids.scenes.model import Rendered, SceneModel, render_view
from ids.scenes.path import path
from ids.scenes.pull_back import (
    Decode,
    DecoderUpdate,
    Encode,
    Replay,
    Seen,
    learning_groups,
)

Source = Literal["render", "photo"]
Update = Literal["encoder", "decoder"]
N_FRAMES = 24  # of the path around a scene
STATE_VIEWS = 4  # of a kept state, at most
STATE_BYTES = 1 << 20  # of its stored views, but one view at least


@dataclass(frozen=True)
class SceneEditing:
    """How a fitted scene is edited. `source`: what `z_src` encodes, the render of the unedited
    scene, from which an unchanged scene does not differ, or the photo (as PDS and DreamCatalyst).

    `rates` are factors of the learning rate, by parameter group; 0 keeps a group as it is. `replay`
    weighs the squared change of distances, summed over the pixels of the view as the edit's loss is
    over latents: it keeps the geometry. `chunk` rays are rendered at a time: memory, not results,
    depends on it. `checkpoint_every` so many steps the state of an edit is written, 0: never.

    `update`: how a latent gradient reaches the scene. `decoder`: the view follows the decoded
    latent (`DecoderUpdate`), and learning rates are those of latents. `encoder`: transposed through
    the encoder, as published (PDS, DreamCatalyst); learning rates are those of parameters.
    """

    source: Source = "render"
    update: Update = "decoder"
    rates: Mapping[str, float] = field(default_factory=dict)
    replay: float = 0.0
    chunk: int = 8192
    checkpoint_every: int = 0

    ignored: ClassVar[tuple[str, ...]] = ("chunk", "checkpoint_every")

    def __post_init__(self) -> None:
        check_least(self, "editing", chunk=1, checkpoint_every=0, replay=0, rates=0)


class _Views(NamedTuple):
    """Renders [V, 3, H, W], distances and opacities [V, H, W]."""

    images: Images
    distances: Tensor
    opacities: Tensor


class SceneRow:
    """One scene under edit: the model, its unedited copy, and the photos it is seen through."""

    def __init__(
        self,
        model: SceneModel,
        capture: Capture,
        encode: Encode,
        how: SceneEditing,
        decode: Decode,
    ) -> None:
        self.model, self.capture, self.how = model, capture, how
        self.encode, self.decode = encode, decode
        self.source = copy.deepcopy(model)
        self.photos: Sequence[Photo] = [p for p in capture.photos if not p.is_held_out]
        self.before = cache(self._before)
        self.z_src = cache(self._z_src)

    def edited(self) -> EditedScene:
        """Both models through all cameras of the capture, and along a path around the scene."""
        cameras = [photo.camera for photo in self.capture.photos]
        before, after = (self._views(m, cameras) for m in self._models)
        around = path(cameras, N_FRAMES)
        path_before, path_after = (self._views(m, around).images for m in self._models)
        state = {name: value.detach().cpu() for name, value in self.model.state_dict().items()}
        return EditedScene(
            before=before.images,
            after=after.images,
            distance_before=before.distances,
            distance_after=after.distances,
            opacity_before=before.opacities,
            opacity_after=after.opacities,
            path_before=path_before,
            path_after=path_after,
            model=state,
        )

    def views(self) -> Images:
        """The first viewpoints as they are now, up to `STATE_BYTES`."""
        cameras = [self.capture.photos[n].camera for n in viewpoints(len(self.capture.photos))]
        most = STATE_BYTES // (3 * cameras[0].height * cameras[0].width)
        return self._views(self.model, cameras[: min(max(most, 1), STATE_VIEWS)]).images

    @property
    def _models(self) -> tuple[SceneModel, SceneModel]:
        return self.source, self.model

    def _views(self, model: SceneModel, cameras: Sequence[Camera]) -> _Views:
        """In the precision of the store."""
        found = [render_view(model, camera, self.how.chunk) for camera in cameras]
        return _Views(
            torch.stack([eight_bit(view.image).cpu() for view in found]),
            torch.stack([view.distance.half().cpu() for view in found]),
            torch.stack([eight_bit(view.opacity).cpu() for view in found]),
        )

    @property
    def shown(self) -> Camera:
        """The camera that shows the scene: that of the first photo."""
        return self.capture.photos[0].camera

    def number(self, order: Sequence[int]) -> int:
        """The photo that a random order chooses: the first of them that exists."""
        return next(number for number in order if number < len(self.photos))

    def z_trg(self, number: int) -> Latent:
        """The view as it is now, differentiable in the model's parameters."""
        camera, update = self.photos[number].camera, self._update()
        replay = self._replay(number)
        return Seen(self.model, camera, self.encode, self.how.chunk, replay, update).latent()

    def _before(self, number: int) -> Rendered:
        """A view of the unedited scene."""
        return render_view(self.source, self.photos[number].camera, self.how.chunk)

    @torch.no_grad()
    def _z_src(self, number: int) -> Latent:
        if self.how.source == "photo":
            return self.encode(self.photos[number].image.load()[None])
        return self.encode(self.before(number).image[None])

    def _update(self) -> DecoderUpdate | None:
        decodes = self.how.update == "decoder"
        return DecoderUpdate(self.decode, self.how.rates) if decodes else None

    def _replay(self, number: int) -> Replay | None:
        weight = self.how.replay
        return Replay(self.before(number).distance.flatten(), weight) if weight else None


class SceneSubject:
    """B scenes under edit, each seen through a photo's camera that is drawn anew in each step."""

    def __init__(self, rows: Sequence[SceneRow], cases: Sequence[EditCase]) -> None:
        self.rows, self.cases = tuple(rows), tuple(cases)
        self._sources: dict[tuple[int, ...], Latent] = {}

    def view(self, rng: Randomness) -> View:
        """Through one photo's camera per scene. `z_src` is encoded once per camera."""
        orders = rng.permutation("view", max(len(row.photos) for row in self.rows)).tolist()
        numbers = [row.number(order) for row, order in zip(self.rows, orders, strict=True)]

        def target() -> Latent:
            return torch.cat([row.z_trg(n) for row, n in zip(self.rows, numbers, strict=True)])

        return View(self._source(tuple(numbers)), target)

    def parameters(self) -> Parameters:
        """The groups of all scenes, with the factors of their learning rates."""
        return [g for row in self.rows for g in learning_groups(row.model, row.how.rates)]

    @torch.no_grad()
    def shown(self) -> View:
        """The source images and `images`, encoded: they show no more of a scene than its front."""
        encode = self.rows[0].encode
        z_src = torch.cat([encode(case.source.load()[None]) for case in self.cases])
        z_trg = torch.cat([encode(image[None]) for image in self.images()])
        return View(z_src, lambda: z_trg)

    def images(self) -> Images:
        """Each scene as the camera of its first photo sees it."""
        return torch.stack(
            [
                render_view(row.model, row.shown, row.how.chunk).image.clamp(0, 1)
                for row in self.rows
            ]
        )

    def views(self) -> list[Images]:
        """The first viewpoints of each scene as it is now."""
        return [row.views() for row in self.rows]

    def scenes(self) -> list[EditedScene]:
        """Renders of all photos' cameras, held-out ones included, and along a path."""
        return [row.edited() for row in self.rows]

    def save(self, folder: Path) -> None:
        """Write each scene's tensors to folder/scene_N.safetensors."""
        for number, row in enumerate(self.rows):
            write_checkpoint(folder / f"scene_{number}.safetensors", row.model, None, 0, "edited")

    def _source(self, numbers: tuple[int, ...]) -> Latent:
        """One tensor per choice of cameras: what is derived from it is recognized by it."""
        if numbers not in self._sources:
            rows = [row.z_src(n) for row, n in zip(self.rows, numbers, strict=True)]
            self._sources[numbers] = torch.cat(rows)
        return self._sources[numbers]
