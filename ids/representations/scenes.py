"""The representation of cases as scenes: their captures are fitted, then edited."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from ids.core.capture import Capture, SceneSource
from ids.core.errors import DataError
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.representations.scene import SceneEditing, SceneRow, SceneSubject
from ids.scenes.fit import Fit
from ids.scenes.model import SceneModel

REVISION = 1  # raised when a model, its fit or its rendering give other numbers


@runtime_checkable
class ModelKind(Protocol):
    """The configuration of a scene model: a frozen dataclass."""

    def __call__(self, capture: Capture) -> SceneModel:
        """A model for this capture, not fitted yet."""
        ...


@dataclass(frozen=True)
class Scenes:
    """Fits a model to the capture of each case, once per capture and settings, and edits it
    through the cameras of its photos. Fitted scenes are kept in `folder`, and go on from there
    after an interruption; null: they are not kept.
    """

    model: ModelKind
    fit: Fit = field(default_factory=Fit)
    editing: SceneEditing = field(default_factory=SceneEditing)
    folder: str | None = None

    ignored: ClassVar[tuple[str, ...]] = ("folder",)

    def identity(self) -> Mapping[str, str]:
        """The settings of model, fit and editing that decide results."""
        parts = {"model": self.model, "fit": self.fit, "editing": self.editing}
        return {"scenes": str(REVISION), **{name: _text(part) for name, part in parts.items()}}

    def open(self, backbone: Backbone, cases: Sequence[EditCase]) -> SceneSubject:
        """The fitted scenes, on the CPU or the backbone's device. `DataError` for a case that is no
        scene.
        """
        return SceneSubject([self._row(backbone, case) for case in cases], cases)

    def fitted(self, source: SceneSource, capture: Capture) -> SceneModel:
        """The model of a capture: read, or fitted and written."""
        model = self.model(capture)
        name = self.name(source)
        file = Path(self.folder) / f"{name}.safetensors" if self.folder else None
        self.fit(model, capture, file, name)
        return model

    def name(self, source: SceneSource) -> str:
        """A digest of the capture and of the settings of model and fit."""
        content = [str(REVISION), source.digest(), _text(self.model), _text(self.fit)]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]

    def _row(self, backbone: Backbone, case: EditCase) -> SceneRow:
        source = case.source
        if not isinstance(source, SceneSource):
            raise DataError(
                f"case {case.id}: expected a scene; got an image; use a data set of scenes, or "
                "representation=latent"
            )
        capture = source.capture()
        model = self.fitted(source, capture)
        return SceneRow(model, capture, backbone.encode, self.editing, backbone.decode)


def _text(part: Any) -> str:
    """The class and values of a dataclass, without `ignored` ones, as sorted JSON."""
    values = {
        f.name: _normal(getattr(part, f.name))
        for f in dataclasses.fields(part)
        if f.name not in getattr(part, "ignored", ())
    }
    return json.dumps({"class": type(part).__name__, **values}, sort_keys=True)


def _normal(value: Any) -> Any:
    """Mappings as dictionaries, and whole floats as integers: 3 and 3.0 are one setting."""
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
