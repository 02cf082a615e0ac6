"""Metrics over edits: of those that were just made, and of stored ones. A new metric costs no new
edit.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ids.core.errors import DataError
from ids.core.protocols import Metric, Models
from ids.core.records import EditCase, Edited, LazyImage
from ids.core.tensors import Image, Images, Latent, eight_bit
from ids.run.job import Job
from ids.run.records import MetricsRecord, MetricValue, Number
from ids.run.store import Store

log = logging.getLogger(__name__)
SEPARATOR = " | "  # between a metric and the network it stands on, where there are several
DECODED_AT_ONCE = 8  # states; a 512-pixel decoder takes some hundred megabytes each


def metric_key(metric: Metric) -> str:
    """`psnr@1`, `lpips_alex@1:alex-1f2e3d4c`: name, version, and the network it stands on."""
    weights_id = metric.weights_id()
    return f"{metric.name}@{metric.revision}" + (f":{weights_id}" if weights_id else "")


def metric_columns(found: Iterable[Iterable[str]]) -> dict[str, str]:
    """Key of a stored metric -> its column: the newest version alone, and a column per network
    where numbers stand on several, so that they are never averaged together.
    """
    versions: dict[str, dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for key in {key for keys in found for key in keys}:
        name, _, rest = key.partition("@")
        version, _, weights_id = rest.partition(":")
        versions[name][weights_id][int(version)] = key
    columns = {}
    for name, weights_ids in versions.items():
        for weights_id, keys in weights_ids.items():
            column = f"{name}{SEPARATOR}{weights_id}" if len(weights_ids) > 1 else name
            columns[keys[max(keys)]] = column
    return columns


@dataclass(frozen=True)
class Made:
    """An edit at hand: the images of its case in memory, z_trg at its kept steps, [C, H, W], and
    what came of it.
    """

    job: Job
    case: EditCase
    edited: Edited
    states: Mapping[int, Tensor]


@dataclass(frozen=True)
class Evaluation:
    """Computes the numbers that are missing, of finished edits and of the states they passed
    through. `decode` makes images of latents, `encode` the latent of a case's source.
    """

    metrics: Mapping[str, Metric]
    store: Store
    decode: Callable[[Latent], Images]
    encode: Callable[[EditCase], Latent]
    models: Models

    def __call__(
        self, jobs: Iterable[Job], progress: Callable[[int], None] = lambda n: None
    ) -> None:
        """Of stored edits; what another process is judging is waited for. `progress` is told how
        many are judged, batch by batch.
        """
        todo = [job for job in jobs if self.lacks(job)]
        for batch in self.store.claims.batches(
            todo, DECODED_AT_ONCE, lambda job: job.key, lambda job: not self.lacks(job)
        ):
            self.judge([made for made in map(self._stored, batch) if made])
            progress(len(batch))

    def judge(self, made: Sequence[Made]) -> None:
        """Of edits at hand. The caller holds their claims."""
        images = self._decoded(made)
        for one in made:
            self._judge(one, [images.pop((one.job.key, step)) for step in _on_the_way(one)])

    def lacks(self, job: Job) -> bool:
        """Is there an edit without all of its numbers?"""
        look = self.store.look(job.key, files=False)
        if look.record is None or look.record.status != "ok":
            return False
        known = self.store.numbers.metrics(job.key, job.case.digest)
        along = known.along if known.steps else self.metrics
        return not self.metrics.keys() <= known.values.keys() & set(along)

    def _stored(self, job: Job) -> Made | None:
        """None where the case, or the edit's own files, cannot be read any more."""
        look = self.store.look(job.key, content=True)
        try:
            case = loaded(job.case)
        except DataError as error:  # a file that has changed since it was looked at
            look = replace(look, record=None, problem=str(error))
        if look.record is None:
            log.warning("case %s: no numbers: %s", job.case.id, look.problem)
            return None
        z_src = self.store.z_src(job.source_name)
        if z_src is None:
            z_src = self.encode(job.case)[0].cpu()
            self.store.put_z_src(job.source_name, z_src, replace=True)
        z_trg = self.store.z_trg(job.key)[0]
        edited = Edited(self.store.image(job.key), z_src, z_trg)
        return Made(job, case, edited, self.store.states(job.key))

    def _judge(self, made: Made, images: Sequence[Image]) -> None:
        """The finished edit, from its 8-bit image and latents; its states alike."""
        key, case, edited = made.job.key, made.case, made.edited
        known = self.store.numbers.metrics(key, made.job.case.digest)
        missing = {k: m for k, m in self.metrics.items() if k not in known.values}
        unread = {k: m for k, m in self.metrics.items() if made.states and k not in known.along}
        shown = [eight_bit(image) for image in images]
        edits = [
            Edited(image, edited.z_src, made.states[step])
            for image, step in zip(shown, _on_the_way(made), strict=True)
        ]
        edits.append(replace(edited, image=eight_bit(edited.image)))
        found = {
            k: _numbers(m, case, edits if k in unread else edits[-1:], self.models)
            for k, m in {**missing, **unread}.items()
        }
        values = {k: _value(found[k][-1], m) for k, m in missing.items()}
        along = {k: found[k] for k in unread}  # the last state is the finished edit
        steps = list(made.states)
        record = MetricsRecord(
            key=key,
            case=made.job.case.digest,
            values=values,
            steps=steps,
            along=along if steps else {},
        )
        self.store.numbers.add_metrics(record)

    def _decoded(self, made: Sequence[Made]) -> dict[tuple[str, int], Image]:
        """Images of all states but the last, decoded some at a time."""
        places = [(one.job.key, step) for one in made for step in _on_the_way(one)]
        latents = [one.states[step] for one in made for step in _on_the_way(one)]
        images: list[Image] = []
        for at in range(0, len(latents), DECODED_AT_ONCE):
            part = torch.stack(latents[at : at + DECODED_AT_ONCE])
            images += self.decode(part).cpu().unbind()
        return dict(zip(places, images, strict=True))


def _on_the_way(made: Made) -> list[int]:
    """The kept steps before the last."""
    return list(made.states)[:-1]


def _value(value: Number, metric: Metric) -> MetricValue:
    """A number with all that a table needs to show it."""
    return MetricValue(
        value,
        metric.unit,
        metric.higher_is_better,
        metric.title,
        metric.digits,
        metric.weights_id(),
    )


def _numbers(
    metric: Metric, case: EditCase, edits: Sequence[Edited], models: Models
) -> list[Number]:
    """Of images of one case; None where the metric is not defined."""
    if min(edits[-1].image.shape[-2:]) < metric.min_side:
        return [None] * len(edits)
    values = metric([case] * len(edits), edits, models)
    return [value if math.isfinite(value) else None for value in values]


@dataclass(frozen=True)
class _Loaded:
    """An image that stays in memory while many metrics ask for it."""

    image: Image
    lazy: LazyImage

    def digest(self) -> str:
        return self.lazy.digest()

    def load(self) -> Image:
        return self.image


def loaded(case: EditCase) -> EditCase:
    """The case with its images in memory. `DataError` where one cannot be read."""

    def load(image: LazyImage | None) -> LazyImage | None:
        return image and _Loaded(image.load(), image)

    source = _Loaded(case.source.load(), case.source)
    return replace(case, source=source, mask=load(case.mask), truth=load(case.truth))
