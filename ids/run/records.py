"""What is on disk, as types: an edit, its numbers, what it took, a data set's rows.

`None` stands for a number that is not defined.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from ids.run.former_names import method_today, metrics_today
from ids.run.sealed import SCHEMA_VERSION

Status = Literal["ok", "failed", "unsupported"]
Number = float | None


class FileStamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file held when it was written. Equal size and time are taken for equal content; else
    the checksum decides.
    """

    sha256: str
    size: int  # bytes
    mtime_ns: int


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an edit was made."""

    engine: dict[str, str | int]
    python: str
    commit: str | None  # of a checkout, marked where it has changes
    packages: dict[str, str]


class EditRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edit: what it depends on, and what became of it. It knows no data set, no case id and no
    tags: those are labels, and belong to manifests.
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    status: Status
    reason: str = ""  # of a failure
    name: str  # the method's word
    setting: str  # key of method, backbone and revisions
    method: dict[str, Any]
    backbone_name: str
    backbone: dict[str, str]  # digest of the weights, precision
    revisions: dict[str, int | str]  # of the classes the method is made of
    code: dict[str, str]  # digests of their source
    source: str  # digest of the source's pixels
    truth: str | None  # of the true edit's, where the method reads it
    prompt_src: str | None  # None where words play no part
    prompt_trg: str | None
    words: dict[str, Any] | None  # blend words and weights, where the method reads them
    seed: int | None  # None where chance plays no part
    keep_every: int = 0  # steps between its kept states; 0 where it has none
    made: float  # seconds since 1970
    environment: Environment | None = None
    files: dict[str, FileStamp] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "method", method_today(self.method))

    @property
    def prompts(self) -> tuple[str, str] | None:
        """Source and target, where words play a part."""
        if self.prompt_src is None or self.prompt_trg is None:
            return None
        return self.prompt_src, self.prompt_trg


class MetricValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of a finished edit, and how tables show it. `title` is empty in records of version
    0.2: there the metric's name is its title.
    """

    value: Number
    unit: str
    higher_is_better: bool | None  # None where neither is better
    title: str = ""
    digits: int = 3  # after the decimal point
    weights: str = ""  # `weights_id` of the metric's network; empty where it has none


class MetricsRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All numbers of one edit on one case. Metrics are named `psnr@1` or `lpips@1:weights`; `along`
    has their values at the kept states, `steps` says which.
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    case: str
    values: dict[str, MetricValue] = {}
    steps: list[int] = []
    along: dict[str, list[Number]] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "values", metrics_today(self.values))
        force_setattr(self, "along", metrics_today(self.along))


class MeasurementRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a batch of edits took, on one engine. Never part of a result's identity."""

    schema_version: int = SCHEMA_VERSION
    keys: list[str]  # of the edits made side by side
    engine: dict[str, str | int]
    seconds: float  # per edit; warm-up, decoding and saving excluded
    forwards: float  # network forwards per edit, counted in samples
    backwards: float
    peak_bytes: Number
    taken: float  # seconds since 1970


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a data set: its labels, and the digests of what it asks. `problem` says why a row
    cannot be asked; it has no digests then.
    """

    id: str
    tags: list[str] = []
    case: str = ""
    source: str = ""
    prompts: tuple[str, str] = ("", "")
    words: dict[str, Any] = {}
    truth: str | None = None
    metadata: dict[str, str] = {}
    problem: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set as it was seen last."""

    schema_version: int = SCHEMA_VERSION
    name: str
    place: str  # full path; empty where it is made by code
    view: str  # how its images are brought to size
    content: str  # digest of the cases, in whatever order
    seen: float  # seconds since 1970
    rows: list[Row]


class Mirrored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which results of a setting a logger has been given, as EDIT/CASE."""

    schema_version: int = SCHEMA_VERSION
    results: list[str]
