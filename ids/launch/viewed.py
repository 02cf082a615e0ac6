"""The scene of a stored edit, as `ids view` shows it."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ids.config.build import build
from ids.config.setting import Composed
from ids.core.capture import SceneSource
from ids.core.edit import Preparing
from ids.core.errors import ConfigError, DataError
from ids.core.records import EditCase
from ids.launch.stored import origins, stored_setting
from ids.report.scene_viewer import ViewedScene
from ids.representations import Scenes
from ids.results.catalog import open_store, read_catalog
from ids.results.shelf import find, rows_of
from ids.run import Session
from ids.run.planned import read_planned
from ids.run.records import EditRecord
from ids.run.scene_files import read_scene
from ids.scenes.model import SceneModel
from ids.scenes.photos import on_device


def viewed_scene(output_dir: Path, key: str, listener: Preparing) -> ViewedScene:
    """The edited scene of a result, by the beginning of its key, and the fitted one that it started
    from; a fit that is gone is made again. `ConfigError` for a result that is no scene; `DataError`
    where its run or its capture cannot be read any more.
    """
    store = open_store(output_dir)
    record = find(store, key)
    scene = read_scene(store.folder(record.key))
    if scene is None:
        raise ConfigError(
            f"{record.key[:12]}: expected an edited scene; got an image; `ids show` names its file"
        )
    row = next((entry.row for _, entry in rows_of(record, read_catalog(store))), None)
    case = origins(output_dir).cases.get(row.case) if row else None
    if case is None or not isinstance(case.source, SceneSource):
        raise DataError(
            f"{record.key[:12]}: expected the capture that was edited; found none: its run or data "
            "set has moved; give the command in the folder where it ran"
        )
    scenes = _scenes(output_dir, record)
    device = Session().device
    capture = case.source.capture()
    before = scenes.fitted(case, capture, device, listener)
    after = scenes.model(capture)
    _restore(after, scene.model, store.folder(record.key))
    after.to(device)
    title = f"{case.id}: {record.name}, {_prompts(case)}"
    return ViewedScene(title, after, before, on_device(capture, device))


def _scenes(output_dir: Path, record: EditRecord) -> Scenes:
    """The representation of a result's setting."""
    for folder, planned in read_planned(output_dir):
        if any(part.setting == record.setting for part in planned.parts):
            setting = stored_setting(folder)
            if setting is not None:
                return _built(setting)
    raise DataError(
        f"{record.key[:12]}: expected the setting of its run; found none that can be read here; "
        "give the command in the folder where it ran"
    )


def _restore(model: SceneModel, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """`DataError` for the tensors of another model."""
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise DataError(
            f"{folder}: expected the model of its setting; got another; make the edit again"
        ) from None


def _built(setting: Composed) -> Scenes:
    found = build(setting.values["representation"], "representation", setting.sources.classes)
    if not isinstance(found, Scenes):
        raise ConfigError(f"representation: expected one of scenes; got {type(found).__name__}")
    return found


def _prompts(case: EditCase) -> str:
    return f"{case.prompt_src} → {case.prompt_trg}"
