"""Records on disk: edits, metrics, measurements, manifests. A number that is
not defined is None (`ids.core.numbers`).
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from ids.core.numbers import Number
from ids.run.former_names import method_today, metrics_today, revisions_today
from ids.run.sealed import SCHEMA_VERSION

Status = Literal["ok", "failed", "unsupported", "missing"]  # missing: of images made elsewhere


class FileStamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file when it was written. Equal size and time are taken for equal content; otherwise the
    checksum decides.
    """

    sha256: str
    size: int  # bytes
    mtime_ns: int


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The environment of an edit."""

    engine: dict[str, str | int]
    python: str
    commit: str | None  # of a checkout; `-dirty` where it has changes
    packages: dict[str, str]


class EditRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edit: what it depends on, and how it ended. Data set, case id and tags are labels, and
    belong to manifests.
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    status: Status
    reason: str = ""  # of a failure
    name: str  # of the method
    setting: str  # key of method, backbone, representation and revisions
    method: dict[str, Any]
    backbone_name: str
    backbone: dict[str, str]  # digest of the weights, precision
    representation: dict[str, str] = {}  # empty for latents
    revisions: dict[str, int | str]  # of the classes the method is composed of
    code: dict[str, str]  # digests of their source
    source: str  # digest of the source's pixels
    truth: str | None  # of the true edit's, where the method reads it
    prompt_src: str | None  # None where the method reads no prompts
    prompt_trg: str | None
    words: dict[str, Any] | None  # blend words and weights, where the method reads them
    seed: int | None  # None for a deterministic method
    keep_every: int = 0  # steps between its kept states; 0 without states
    made: float  # seconds since 1970
    environment: Environment | None = None
    files: dict[str, FileStamp] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "method", method_today(self.method))
        force_setattr(self, "revisions", revisions_today(self.revisions))
        force_setattr(self, "code", revisions_today(self.code))

    @property
    def prompts(self) -> tuple[str, str] | None:
        """Source and target prompt; None where the method reads none."""
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


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When and in which environment some metrics of an edit were computed."""

    metrics: list[str]  # keys
    made: float  # seconds since 1970
    environment: Environment


class MetricsRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All metrics of one edit on one case, by key (`psnr@1`, `lpips@1:weights`). `along` has their
    values at the kept states, after the `steps`; `origins` is empty in older records.
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    case: str
    values: dict[str, MetricValue] = {}
    steps: list[int] = []
    along: dict[str, list[Number]] = {}
    origins: list[Origin] = []

    def __post_init__(self) -> None:
        force_setattr(self, "values", metrics_today(self.values))
        force_setattr(self, "along", metrics_today(self.along))


class MeasurementRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time, NFE and memory of a batch of edits on one engine. Never part of a key."""

    schema_version: int = SCHEMA_VERSION
    keys: list[str]  # of the edits made side by side
    engine: dict[str, str | int]
    seconds: float  # per edit; warm-up, decoding and saving excluded
    forwards: float  # network forwards per edit, counted in samples
    backwards: float
    peak_bytes: Number
    taken: float  # seconds since 1970


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a data set: labels and digests. A row that cannot be edited has a `problem` and no
    digests.
    """

    id: str
    tags: list[str] = []
    case: str = ""
    source: str = ""
    prompts: tuple[str, str] = ("", "")
    words: dict[str, Any] = {}
    truth: str | None = None
    metadata: dict[str, str] = {}
    instruction: str = ""
    problem: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set as it was read last."""

    schema_version: int = SCHEMA_VERSION
    name: str
    place: str  # full path; empty for a generated data set
    view: str  # how its images are resized
    content: str  # digest of the cases; order plays no part
    seen: float  # seconds since 1970
    rows: list[Row]


class Mirrored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a logger has of a setting on a data set. `results` are its edits and their numbers, as
    EDIT/CASE/TIME/METRICS; the other fields are empty in records of version 0.2.
    """

    schema_version: int = SCHEMA_VERSION
    results: list[str]
    run: str = ""  # id of the logger's run
    points: int = 0  # points and tables of the run
    config: str = ""  # digest of the configuration that it has
    curves: bool = False  # has it the mean curves?
    complete: str = ""  # digest of the jobs and metrics that were all logged
    unconfirmed: list[tuple[int, str, int]] = []  # place, EDIT/CASE (or curve), step: maybe lost
