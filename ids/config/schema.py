"""The root of every configuration: its groups, and the values that belong to none."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class RunConfig:
    """Nodes of the groups are checked against the classes they name (see `check`), so they stay
    open here.
    """

    method: Any = MISSING
    fpr: Any = MISSING
    guidance: Any = MISSING
    finish: Any = MISSING
    inversion: Any = MISSING
    sites: Any = MISSING
    controls: Any = MISSING
    backbone: Any = MISSING
    representation: Any = MISSING
    dataset: Any = MISSING
    metrics: Any = MISSING
    clip: Any = None
    logger: Any = MISSING
    engine: Any = MISSING
    launch: Any = MISSING
    steps: Any = MISSING
    size: Any = None
    seeds: list[int] = field(default_factory=lambda: [0])
    limit: int | None = None
    offset: int = 0
    tags: Any = ()  # one, or a list
    sample: int | None = None
    sample_seed: int = 0
    keep_every: int = 10
    output_dir: str = "outputs"
    retry_failed: bool = False
    force: bool = False
