"""Metrics over edits in memory, in batches: a judging network runs once per batch of images.
Nothing here reads or writes a store.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, groupby
from typing import NamedTuple, TypeVar

import torch

from ids.core.numbers import Number, to_number
from ids.core.protocols import Metric, Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Images, Latent
from ids.images import eight_bit
from ids.run.edit import FinishedEdit
from ids.run.records import MetricValue

IMAGES_AT_ONCE = 8  # decoded and judged; a 512-pixel decoder takes some hundred megabytes each
Decode = Callable[[Latent], Images]
T = TypeVar("T")


@dataclass(frozen=True)
class Unjudged:
    """An edit and the metrics it lacks, by key: `values` of the finished edit, `along` of its kept
    states.
    """

    edit: FinishedEdit
    values: Mapping[str, Metric]
    along: Mapping[str, Metric]


@dataclass(frozen=True)
class Judged:
    """Numbers of one edit, by metric key. `along` has one number per kept step; None stands for a
    number that is not defined.
    """

    values: dict[str, MetricValue] = field(default_factory=dict)
    along: dict[str, list[Number]] = field(default_factory=dict)


class _Shown(NamedTuple):
    """An image to judge: of edit `number` in the list, after `step` (None: the finished edit)."""

    number: int
    step: int | None
    case: EditCase
    edited: Edited
    metrics: Mapping[str, Metric]


def judge_edits(
    edits: Sequence[FinishedEdit],
    metrics: Mapping[str, Metric],
    models: Models,
    decode: Decode | None = None,
) -> list[Judged]:
    """Every metric, by key, of every edit and, with `decode` (latents [B, C, H, W] to images), of
    its kept states.
    """
    todo = [Unjudged(edit, metrics, metrics if decode and edit.states else {}) for edit in edits]
    return judge(todo, models, decode or _undecoded)


def judge(todo: Sequence[Unjudged], models: Models, decode: Decode) -> list[Judged]:
    """The numbers that edits lack, in the order of the edits."""
    numbers: dict[tuple[int, int | None, str], Number] = {}
    for batch in _batches(todo, decode):
        metrics = {key: metric for shown in batch for key, metric in shown.metrics.items()}
        for key, metric in metrics.items():
            wanted = [shown for shown in batch if key in shown.metrics]
            found = _numbers(metric, wanted, models)
            numbers |= {(s.number, s.step, key): n for s, n in zip(wanted, found, strict=True)}
    return [_judged(index, one, numbers) for index, one in enumerate(todo)]


def metric_value(key: str, metric: Metric, number: Number) -> MetricValue:
    """A number with everything that tables need to show it."""
    return MetricValue(
        number,
        metric.unit,
        metric.higher_is_better,
        title=metric.title,
        digits=metric.digits,
        weights=key.partition(":")[2],
    )


def _judged(
    index: int, one: Unjudged, numbers: Mapping[tuple[int, int | None, str], Number]
) -> Judged:
    """The last state is the finished edit."""
    steps = [*_steps_before_last(one), None]
    return Judged(
        {key: metric_value(key, m, numbers[index, None, key]) for key, m in one.values.items()},
        {key: [numbers[index, step, key] for step in steps] for key in one.along},
    )


def _batches(todo: Sequence[Unjudged], decode: Decode) -> Iterator[list[_Shown]]:
    """The finished edits, then their states, decoded batch by batch."""
    finished = [
        _Shown(index, None, one.edit.case, one.edit.edited, {**one.values, **one.along})
        for index, one in enumerate(todo)
    ]
    for batch in _in_parts(finished):
        yield [_with_image(shown, shown.edited.image) for shown in batch]
    states = [
        _Shown(
            index,
            step,
            one.edit.case,
            replace(one.edit.edited, z_trg=one.edit.states[step]),
            one.along,
        )
        for index, one in enumerate(todo)
        if one.along
        for step in _steps_before_last(one)
    ]
    for _, alike in groupby(states, lambda shown: shown.edited.z_trg.shape):
        for batch in _in_parts(list(alike)):
            images = decode(torch.stack([shown.edited.z_trg for shown in batch])).cpu()
            yield [_with_image(s, image) for s, image in zip(batch, images, strict=True)]


def _undecoded(z: Latent) -> Images:
    raise AssertionError("no state is judged without a decoder")


def _with_image(shown: _Shown, image: torch.Tensor) -> _Shown:
    """With the image in 8 bits, as stored: numbers do not depend on when an edit is judged."""
    return shown._replace(edited=replace(shown.edited, image=eight_bit(image)))


def _in_parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), IMAGES_AT_ONCE):
        yield items[start : start + IMAGES_AT_ONCE]


def _steps_before_last(one: Unjudged) -> list[int]:
    return list(one.edit.states)[:-1]


def _numbers(metric: Metric, batch: Sequence[_Shown], models: Models) -> list[Number]:
    """One per image; None where it is not defined: on a smaller image, or of such a case."""
    defined = [min(shown.edited.image.shape[-2:]) >= metric.min_side for shown in batch]
    large = list(compress(batch, defined))
    values = iter(metric([s.case for s in large], [s.edited for s in large], models))
    numbers = [next(values) if known else math.nan for known in defined]
    return [to_number(value) for value in numbers]
