"""Metrics over stored results: a new metric costs no new edit."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ids.core.protocols import Metric
from ids.core.records import EditCase, Edited, Picture
from ids.core.tensors import Image, Images, Latent, eight_bit
from ids.run.job import Job
from ids.run.store import Store

SEPARATOR = " | "  # between a metric and the network it stands on, where there are several
DECODED_AT_ONCE = 8  # states; a 512-pixel decoder takes some hundred megabytes each


def metric_key(metric: Metric) -> str:
    """`psnr@1`, `lpips_alex@1:alex-1f2e3d4c`: name, version, and the network it stands on."""
    basis = metric.basis()
    return f"{metric.name}@{metric.version}" + (f":{basis}" if basis else "")


def metric_columns(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Key of a stored metric -> its column: the newest version alone, and a column per network
    where numbers stand on several, so that they are never averaged together.
    """
    versions: dict[str, dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for key in {key for known in found for key in known if "@" in key}:
        name, _, rest = key.partition("@")
        version, _, basis = rest.partition(":")
        versions[name][basis][int(version)] = key
    columns = {}
    for name, bases in versions.items():
        for basis, keys in bases.items():
            column = f"{name}{SEPARATOR}{basis}" if len(bases) > 1 else name
            columns[keys[max(keys)]] = column
    return columns


@dataclass(frozen=True)
class Evaluation:
    """Fills in what is missing, of finished edits and of the states they passed through. `decode`
    makes pictures of latents, and is asked only where states are to be judged.
    """

    metrics: Mapping[str, Metric]
    store: Store
    decode: Callable[[Latent], Images]

    def __call__(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if self.store.status(job.key) == "ok":
                self._finished(job)
                self._along(job)

    def _missing(self, known: Iterable[str]) -> Mapping[str, Metric]:
        keys = set(known)
        return {k: m for k, m in self.metrics.items() if k not in keys}

    def _finished(self, job: Job) -> None:
        """From the stored 8-bit picture and latents."""
        if missing := self._missing(self.store.record(job.key).metrics):
            case, edited = _in_memory(job.case), self.store.edited(job.key)
            values = {key: metric(case, edited) for key, metric in missing.items()}
            self.store.add_metrics(job.key, values)

    def _along(self, job: Job) -> None:
        """From the kept latents, each decoded and rounded to 8 bits as the finished edit was."""
        missing = self._missing(self.store.along(job.key))
        if not (missing and self.store.has_states(job.key)):
            return
        states = self.store.states(job.key)
        case, z_src = _in_memory(job.case), self.store.edited(job.key).z_src
        z = torch.stack(list(states.values()))
        images = torch.cat([self.decode(part).cpu() for part in z.split(DECODED_AT_ONCE)])
        edited = [Edited(eight_bit(x), z_src, row) for x, row in zip(images, z, strict=True)]
        columns: dict[str, list[float]] = {"step": [float(step) for step in states]}
        for state in edited:  # in this order, what metrics share of a picture is computed once
            for key, metric in missing.items():
                columns.setdefault(key, []).append(metric(case, state))
        self.store.add_along(job.key, columns)


@dataclass(frozen=True)
class _Loaded:
    """A picture that stays in memory while many metrics ask for it."""

    image: Image
    content: str

    def digest(self) -> str:
        return self.content

    def load(self) -> Image:
        return self.image


def _in_memory(case: EditCase) -> EditCase:
    def loaded(picture: Picture | None) -> Picture | None:
        return picture and _Loaded(picture.load(), picture.digest())

    source = _Loaded(case.source.load(), case.source.digest())
    return replace(case, source=source, mask=loaded(case.mask), truth=loaded(case.truth))
