"""Numbers of edited images that other code made, by the metrics and the batches of a run. Nothing
is stored.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ids.core.errors import ConfigError, DataError
from ids.core.protocols import Metric, Models
from ids.core.records import EditCase, Edited
from ids.core.text import counted
from ids.data.external import (
    checked_size,
    images_of_cases,
    read_external,
    size_of,
    unmatched_images,
)
from ids.data.messages import shorten
from ids.images import digest_of_pixels, to_array
from ids.run.edit import FinishedEdit
from ids.run.in_memory import with_images
from ids.run.judge import IMAGES_AT_ONCE, judge_edits
from ids.run.records import Environment, MetricsRecord, MetricValue, Origin, Status

NAMED = 10  # files of no case that a note names
NO_LATENT = torch.full((1, 1, 1), float("nan"))  # makes every number of it undefined


@dataclass(frozen=True)
class ImageFolder:
    """A folder of edited images: `files` by case id, the `problems` of the other cases, and images
    that are of no case (`unmatched`). `label` stands for the method that made them.
    """

    path: Path
    label: str
    files: Mapping[str, Path]
    problems: Mapping[str, tuple[Status, str]]
    unmatched: Sequence[str] = ()


@dataclass(frozen=True)
class JudgedImage:
    """One image of a folder and its numbers; its `reason` where it has none."""

    label: str
    case: EditCase
    status: Status
    reason: str = ""
    made: float = 0.0  # when the file was changed last, in seconds since 1970
    digest: str = ""  # of its pixels
    values: Mapping[str, MetricValue] = field(default_factory=dict)


def open_folders(
    folders: Sequence[Path], cases: Sequence[EditCase], place: str
) -> list[ImageFolder]:
    """The image of every case in every folder, its size checked: no pixel is read. `place` is that
    of the data set. `ConfigError` for no folder, `DataError` for a folder without a usable image.
    """
    return [
        _opened(folder, label, cases, place)
        for folder, label in zip(folders, _labels(folders), strict=True)
    ]


def without_latents(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics that read no latents. `ConfigError` where none is left."""
    kept = {key: m for key, m in metrics.items() if not getattr(m, "uses_latents", False)}
    if not kept:
        raise ConfigError(
            "metrics: expected one that compares images; images made elsewhere have no latents; "
            "take metrics=standard or another set"
        )
    return kept


def judge_folders(
    folders: Sequence[ImageFolder],
    cases: Sequence[EditCase],
    metrics: Mapping[str, Metric],
    models: Models,
    progress: Callable[[int], None] = lambda n: None,
) -> list[JudgedImage]:
    """One result per folder and case. `progress` gets the number of results of each batch. Sources
    are read once for all folders; an image that cannot be read costs itself alone.
    """
    found: list[JudgedImage] = []
    for start in range(0, len(cases), IMAGES_AT_ONCE):
        batch = cases[start : start + IMAGES_AT_ONCE]
        loaded = [with_images(case) for case in batch]
        for folder in folders:
            found += _judged(folder, batch, loaded, metrics, models)
            progress(len(batch))
    return found


def unmatched_note(folder: ImageFolder) -> str:
    """The first files of a folder that are of no case, and how many others are."""
    names, more = folder.unmatched[:NAMED], len(folder.unmatched) - NAMED
    text = f"{folder.label}: {counted(len(folder.unmatched), 'image')} of no selected case: "
    return text + ", ".join(map(shorten, names)) + (f" and {more} more" if more > 0 else "")


def numbers_of(image: JudgedImage, key: str, environment: Environment) -> MetricsRecord:
    """The numbers as a record of an edit of this key."""
    origins = [Origin(list(image.values), time.time(), environment)] if image.values else []
    values = dict(image.values)
    return MetricsRecord(key=key, case=image.case.digest, values=values, origins=origins)


def _labels(folders: Sequence[Path]) -> list[str]:
    """The folders' names; with their parents' where two share one."""
    paths = [Path(folder).resolve() for folder in folders]
    names = [path.name for path in paths]
    labels = [
        name if names.count(name) == 1 else f"{path.parent.name}/{name}"
        for path, name in zip(paths, names, strict=True)
    ]
    if len(set(labels)) < len(labels):
        raise ConfigError(
            f"ids judge: expected folders of different names; got {', '.join(labels)}; rename one"
        )
    return ["_".join(label.split()) for label in labels]  # a baseline's name ends at a space


def _opened(folder: Path, label: str, cases: Sequence[EditCase], place: str) -> ImageFolder:
    if not folder.is_dir():
        raise ConfigError(
            f"{shorten(folder)}: expected a folder of edited images; found none; check the path"
        )
    files, problems = images_of_cases(folder, cases, place), {}
    for case in cases:
        try:
            if case.id in files:
                checked_size(files[case.id], size_of(case.source))
            else:
                problems[case.id] = _missing(case)
        except DataError as error:
            problems[case.id] = "failed", str(error)
    if len(problems) == len(cases):
        raise DataError(
            f"{shorten(folder)}: expected images of {len(cases)} cases; none can be used, the "
            f"first: {next(iter(problems.values()))[1]}"
        )
    return ImageFolder(folder, label, files, problems, unmatched_images(folder, files.values()))


def _missing(case: EditCase) -> tuple[Status, str]:
    return "missing", f"expected {case.id}.png, or the path of its source image; found none"


def _judged(
    folder: ImageFolder,
    cases: Sequence[EditCase],
    loaded: Sequence[EditCase],
    metrics: Mapping[str, Metric],
    models: Models,
) -> list[JudgedImage]:
    """One result per case, in order. `loaded` are the cases with their images in memory, which the
    results do not hold.
    """
    found = [_read(folder, case) for case in loaded]
    edits = [
        FinishedEdit(case, Edited(image, NO_LATENT, NO_LATENT), {}, {})
        for case, image in zip(loaded, found, strict=True)
        if isinstance(image, Tensor)
    ]
    judged = iter(judge_edits(edits, metrics, models))
    return [
        _ok(folder, case, image, next(judged).values)
        if isinstance(image, Tensor)
        else JudgedImage(folder.label, case, *image)
        for case, image in zip(cases, found, strict=True)
    ]


def _read(folder: ImageFolder, case: EditCase) -> Tensor | tuple[Status, str]:
    """The image of a case, or why it has none."""
    if case.id in folder.problems:
        return folder.problems[case.id]
    try:
        return read_external(folder.files[case.id], size_of(case.source))
    except DataError as error:  # its pixels are damaged
        return "failed", str(error)


def _ok(
    folder: ImageFolder, case: EditCase, image: Tensor, values: Mapping[str, MetricValue]
) -> JudgedImage:
    made, digest = folder.files[case.id].stat().st_mtime, digest_of_pixels(to_array(image))
    return JudgedImage(folder.label, case, "ok", made=made, digest=digest, values=values)
