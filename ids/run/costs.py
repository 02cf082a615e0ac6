"""What edits cost: seconds and NFE from stored measurements of this device, or an estimate; bytes
from stored files, or an estimate by image size.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ids.core.capabilities import iter_components
from ids.core.edit import Editor
from ids.diffusion import Bank
from ids.run.experiment import Experiment
from ids.run.plan import Part
from ids.run.records import MeasurementRecord
from ids.run.store import Store

PER_HALF = 2  # network evaluations of half a guided step: with and without the prompt
PER_ITERATION = 4  # of a fixed-point iteration: a guided forward and its backward
PNG, LATENT = 0.6, 4 / 64 * 4  # bytes per 8-bit value of a photo, and per pixel of a float32 latent


@dataclass(frozen=True)
class Costs:
    """Mean seconds and NFE of an edit, by the key of its setting, as measured on this device."""

    seconds_by_key: Mapping[str, float] = field(default_factory=dict)
    nfe_by_key: Mapping[str, float] = field(default_factory=dict)
    per_nfe: Mapping[str, float] = field(default_factory=dict)  # seconds, by backbone

    def nfe(self, part: Part) -> float:
        """NFE of one edit, measured or estimated."""
        measured = self.nfe_by_key.get(part.key.key)
        return estimated_nfe(part.spec.editor) if measured is None else measured

    def seconds(self, part: Part) -> float | None:
        """Seconds of one edit; None without any measurement of its backbone on this device."""
        return self.seconds_of(part.key.key, part.key.backbone_key, estimated_nfe(part.spec.editor))

    def seconds_of(self, setting: str, backbone: str, nfe: float) -> float | None:
        """The same by the keys of setting and backbone; `nfe` is estimated."""
        if (measured := self.seconds_by_key.get(setting)) is not None:
            return measured
        rate = self.per_nfe.get(backbone)
        return None if rate is None else rate * self.nfe_by_key.get(setting, nfe)


def estimated_nfe(editor: Editor) -> float:
    """NFE of one edit by its steps and fixed-point iterations; 0 for an edit without steps."""
    parts = list(iter_components(editor))
    source = PER_HALF + PER_ITERATION * max((getattr(p, "n_iters", 0) for p in parts), default=0)
    steps = max(editor.n_ticks, 0)
    sources = min([steps, *(part.size for part in parts if isinstance(part, Bank))])
    return float(PER_HALF * steps + source * sources)


def measured_costs(parts: Sequence[Part], store: Store, device: str) -> Costs:
    """The costs of the settings of a plan, from the measurements of their finished edits on the
    device of this name.
    """
    edits = ((p.key.key, p.key.backbone_key, key) for p in parts for key, _ in p.known)
    return costs_of(edits, store.numbers.measurements(), device)


def costs_of(
    edits: Iterable[tuple[str, str, str]], taken: Mapping[str, MeasurementRecord], device: str
) -> Costs:
    """The costs of edits, each given by the keys of its setting, its backbone and itself."""
    by_key: dict[str, list[MeasurementRecord]] = defaultdict(list)
    by_backbone: dict[str, list[MeasurementRecord]] = defaultdict(list)
    for setting, backbone, key in edits:
        record = taken.get(key)
        if record is not None and record.engine.get("device") == device:
            by_key[setting].append(record)
            by_backbone[backbone].append(record)
    return Costs(
        {key: fmean(r.seconds for r in records) for key, records in by_key.items()},
        {key: fmean(map(_nfe, records)) for key, records in by_key.items()},
        {
            key: sum(r.seconds for r in records) / nfe
            for key, records in by_backbone.items()
            if (nfe := sum(map(_nfe, records)))
        },
    )


def _nfe(record: MeasurementRecord) -> float:
    return record.forwards + record.backwards


def bytes_per_edit(part: Part, experiment: Experiment) -> float:
    """Bytes on disk of one edit: of finished ones of this part, or an estimate by image size."""
    looks = (experiment.store.look(key, files=False).record for key, _ in list(part.known)[:20])
    sizes = [sum(f.size for f in r.files.values()) for r in looks if r and r.files]
    if sizes:
        return fmean(sizes)
    height, width = experiment.survey().cases[0].source.load().shape[-2:]
    every = experiment.keep_every
    n_states = 1 + (part.spec.editor.n_ticks // every if every and part.spec.editor.anytime else 0)
    return height * width * (3 * PNG + LATENT * n_states)
