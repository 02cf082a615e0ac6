"""`ids.edit`."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, overload

from rich.console import Console

from ids.api.edit_result import EditResult, Numbers
from ids.api.setting import AnyPath, Folders, Words, edit_words, one_experiment
from ids.config.values import words_of
from ids.core.numbers import to_float
from ids.core.protocols import Backbone
from ids.data.image_list import image_list
from ids.data.memory_images import ImageLike
from ids.launch.command import following
from ids.log.progress import RunProgress
from ids.run import Experiment, Session
from ids.run.direct import edit_in_memory, edit_with_store
from ids.run.edit import FinishedEdit
from ids.run.follower import Follower
from ids.run.judge import judge_edits

Texts = str | Sequence[str]


@overload
def edit(
    image: ImageLike,
    *,
    source: Texts,
    target: Texts,
    method: str = ...,
    backbone: object = ...,
    mask: ImageLike | None = ...,
    seed: int = ...,
    store: AnyPath | None = ...,
    metrics: str = ...,
    size: int | None = ...,
    fit: str = ...,
    blend: Texts = ...,
    weights: Texts = ...,
    overrides: Words = ...,
    config_dirs: Folders = ...,
    session: Session | None = ...,
    progress: bool = ...,
    **values: object,
) -> EditResult: ...


@overload
def edit(
    image: list[Any] | tuple[Any, ...],
    *,
    source: Texts,
    target: Texts,
    method: str = ...,
    backbone: object = ...,
    mask: ImageLike | Sequence[Any] | None = ...,
    seed: int = ...,
    store: AnyPath | None = ...,
    metrics: str = ...,
    size: int | None = ...,
    fit: str = ...,
    blend: Texts = ...,
    weights: Texts = ...,
    overrides: Words = ...,
    config_dirs: Folders = ...,
    session: Session | None = ...,
    progress: bool = ...,
    **values: object,
) -> list[EditResult]: ...


def edit(
    image: object,
    *,
    source: object,
    target: object,
    method: str = "ids",
    backbone: object = "sd15",
    mask: object = None,
    seed: int = 0,
    store: AnyPath | None = None,
    metrics: str = "standard",
    size: int | None = None,
    fit: str = "aspect",
    blend: object = "",
    weights: object = "",
    overrides: Words = (),
    config_dirs: Folders = (),
    session: Session | None = None,
    progress: bool = True,
    **values: object,
) -> EditResult | list[EditResult]:
    """Edit one image, or a list of images as a batch: an `EditResult`, or a list of them.

    `image` is a path, a PIL image, a numpy array [h, w, 3] or a tensor [3, h, w], uint8 or float in
    [0, 1]; `mask` likewise, white where the edit belongs (read by metrics). A batch has one prompt
    and mask for all images, or a list of one per image. `backbone` is an option (`sd15`), a
    diffusers pipeline in memory, or a `Backbone`. `values` are configuration values (`n_steps=100`,
    `fpr={"scale": 0.2}`, `backbone__precision="fp16"`), `overrides` words of the command line.
    Images are brought to `size` pixels (default: the backbone's) by `fit`, and the result back to
    the size of its image. `blend` ("cat dog") and `weights` ("dog:2") are for Prompt-to-Prompt.
    Draws are those of `ids run` at the same seed.

    Without `store` nothing is written. With a folder of results, existing results are read, and new
    ones kept. A `session` keeps networks loaded from call to call.

    Raises `ConfigError`, `DataError`, `WeightsError` or `UnsupportedError`. In a batch, an edit
    that fails alone has its `error` set, and the others are returned.
    """
    words = edit_words(method, metrics, seed, store, overrides, values)
    experiment = one_experiment(words, backbone, size, config_dirs, session or Session())
    images = image_list(
        list(image) if isinstance(image, list | tuple) else [image],
        experiment.config["backbone"]["image_size"],
        fit,
        source=source,
        target=target,
        masks=mask,
        blend=blend,
        weights=weights,
    )
    make = edit_in_memory if store is None else partial(edit_with_store, follow=_followed)
    with RunProgress(console=Console(stderr=True, quiet=not progress)) as bars:
        edits = make(experiment, images, bars)
    judge = _judge(experiment)
    results = [
        EditResult(images[index], one.key, one.found, images.photo(index), judge)
        for index, one in enumerate(edits)
    ]
    if isinstance(image, list | tuple):
        return results
    if results[0].error:
        raise results[0].error
    return results[0]


def load_backbone(
    name: str, *, config_dirs: Folders = (), session: Session | None = None, **values: object
) -> Backbone:
    """A loaded backbone by its option (`shapes`, `sd15`), for `ids.edit` and for work with its
    latents and noise predictions. `values` are those of its option: `precision="fp16"`.
    """
    words = words_of({"backbone": values})
    experiment = one_experiment(words, name, None, config_dirs, session or Session())
    return experiment.session.backbone(experiment.backbone)


def _followed(experiment: Experiment) -> AbstractContextManager[Follower]:
    return following({0: experiment}, {0: experiment.method.name})


def _judge(experiment: Experiment) -> Callable[[FinishedEdit], Numbers]:
    """Holds the judging networks, and not the backbone: a result does not keep that in memory."""
    metrics = {metric.name: metric for metric in experiment.metrics.values()}
    models = experiment.session.models

    def judge(finished: FinishedEdit) -> Numbers:
        (judged,) = judge_edits([finished], metrics, models)
        return {name: to_float(value.value) for name, value in judged.values.items()}

    return judge
