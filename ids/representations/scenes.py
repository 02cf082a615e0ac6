"""The representation of cases as scenes: their captures are fitted, then edited."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch

from ids.core.capture import Capture, SceneSource
from ids.core.checkpoints import NO_CHECKPOINTS, Checkpoints
from ids.core.claims import Claims
from ids.core.edit import SILENT, Preparing
from ids.core.errors import DataError
from ids.core.places import create_folder
from ids.core.protocols import Backbone
from ids.core.records import EditCase, LazyImage
from ids.representations.edit_checkpoints import EditCheckpoints
from ids.representations.scene import SceneEditing, SceneRow, SceneSubject
from ids.scenes.checkpoint import sweep
from ids.scenes.fit import Fit, FitReport, Listener
from ids.scenes.model import SceneModel
from ids.scenes.photos import on_device

REVISION = 1  # raised when all scenes give other numbers; a class may have its own `revision`


@runtime_checkable
class ModelKind(Protocol):
    """The configuration of a scene model: a frozen dataclass."""

    @property
    def groups(self) -> Sequence[str]:
        """The names of the parameter groups of its models."""
        ...

    def __call__(self, capture: Capture) -> SceneModel:
        """A model for this capture, not fitted yet."""
        ...


@dataclass(frozen=True)
class Scenes:
    """Fits a model to the capture of each case, once per capture and settings, and edits it
    through the cameras of its photos. Fitted scenes are kept in `folder`, and so are checkpoints of
    fits and of edits under way, which continue after an interruption; null: nothing is kept.
    """

    model: ModelKind
    fit: Fit = field(default_factory=Fit)
    editing: SceneEditing = field(default_factory=SceneEditing)
    folder: str | None = None

    ignored: ClassVar[tuple[str, ...]] = ("folder",)
    of_scenes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        groups, rates = self.model.groups, self.editing.rates
        for place, given in (("fit", self.fit.rates), ("editing", rates)):
            if unknown := sorted(set(given) - set(groups)):
                raise ValueError(
                    f"representation.{place}.rates: expected names of {', '.join(groups)}; got "
                    f"{unknown[0]}"
                )
        if not any(rates.get(name, 1.0) for name in groups):
            raise ValueError("representation.editing.rates: expected one above 0; got 0 for all")

    def identity(self) -> Mapping[str, str]:
        """The settings of model, fit and editing that decide results."""
        parts = {"model": self.model, "fit": self.fit, "editing": self.editing}
        return {"scenes": str(REVISION), **{name: _text(part) for name, part in parts.items()}}

    def open(
        self, backbone: Backbone, cases: Sequence[EditCase], listener: Preparing = SILENT
    ) -> SceneSubject:
        """The fitted scenes, on the backbone's device. `DataError` for a case that is no scene, or
        whose photos cannot be edited: before the first fit.
        """
        captures = [_capture(case) for case in cases]
        if self.folder:
            sweep(Path(self.folder))
        device = device_of(backbone, cases[0])
        rows = []
        for case, capture in zip(cases, captures, strict=True):
            model = self.fitted(case, capture, device, listener)
            there = on_device(capture, device)
            rows.append(SceneRow(model, there, backbone.encode, self.editing, backbone.decode))
        return SceneSubject(rows, cases)

    def fitted(
        self, case: EditCase, capture: Capture, device: torch.device, listener: Preparing = SILENT
    ) -> SceneModel:
        """The model of a case's capture on a device: read, or fitted and written. One process fits
        it; others wait. `ConfigError` where it has to be fitted and `folder` takes no files.
        """
        model = self.model(capture)  # on the CPU: random numbers are the same on every device
        model.to(device)
        name = self.name(case.source)
        fit = partial(self.fit, model, on_device(capture, device), name=name)
        heard = _reported(listener, case, self.fit.n_steps)
        if not self.folder:
            fit(listener=heard)
            return model
        file = Path(self.folder) / f"{name}.safetensors"
        if self.fit.is_finished(file, name):
            fit(file=file)
            return model
        create_folder(Path(self.folder))
        with Claims(Path(self.folder)).wait(name, f"the fit of {case.id} by another process"):
            fit(file=file, listener=heard)
        return model

    def checkpoints(self, name: str) -> Checkpoints:
        """Those of the edit of that name. `ConfigError` where `folder` takes no files."""
        every = self.editing.checkpoint_every
        if not self.folder or not every:
            return NO_CHECKPOINTS
        create_folder(Path(self.folder))
        return EditCheckpoints(Path(self.folder) / f"edit-{name}.safetensors", name, every)

    def name(self, source: LazyImage) -> str:
        """A digest of a case's capture and of the settings of model and fit."""
        content = [str(REVISION), source.digest(), _text(self.model), _text(self.fit)]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]


@torch.no_grad()
def device_of(backbone: Backbone, case: EditCase) -> torch.device:
    """Where a backbone's latents are. `DataError` for a size that it cannot encode."""
    return backbone.encode(case.source.load()[None]).device


def _capture(case: EditCase) -> Capture:
    """The capture of a case. `DataError` where it has none, or photos of several sizes."""
    if not isinstance(case.source, SceneSource):
        raise DataError(
            f"case {case.id}: expected a scene; got an image; use a data set of scenes, or "
            "representation=latent"
        )
    capture = case.source.capture()
    sizes = sorted({(photo.camera.width, photo.camera.height) for photo in capture.photos})
    if len(sizes) > 1:
        (w, h), (width, height) = sizes[0], sizes[-1]
        raise DataError(
            f"case {case.id}: expected photos of one size; got {w}x{h} and {width}x{height}; "
            "remove those of the other shape"
        )
    return capture


def _reported(listener: Preparing, case: EditCase, n_steps: int) -> Listener:
    """Steps of a fit, as a listener to preparation hears of them."""

    def heard(report: FitReport) -> None:
        held_out = "" if math.isnan(report.psnr) else f"{report.psnr:.1f} dB held out"
        listener.prepared(f"fit {case.id}", report.n_steps, n_steps, held_out)

    return heard


def _text(part: Any) -> str:
    """The class and values of a dataclass, without `ignored` ones, and its `revision` above 1, as
    sorted JSON.
    """
    values = {
        f.name: _normal(getattr(part, f.name))
        for f in dataclasses.fields(part)
        if f.name not in getattr(part, "ignored", ())
    }
    revision = getattr(part, "revision", 1)
    changed = {"revision": revision} if revision > 1 else {}
    return json.dumps({"class": type(part).__name__, **changed, **values}, sort_keys=True)


def _normal(value: Any) -> Any:
    """Mappings as dictionaries, and whole floats as integers: 3 and 3.0 are one setting."""
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
