"""A job, and an edit and numbers of it, for the tests of the store."""

import torch

from ids.core.records import EditCase, Edited
from ids.data import Shapes
from ids.run import Job, Setting
from ids.run.records import MetricsRecord, MetricValue

CASE = Shapes(count=1)[0]


def job(
    seed: int | None = 0,
    method: dict[str, object] | None = None,
    case: EditCase = CASE,
    **backbone: str,
) -> Job:
    configured = method or {"_target_": "ids.editing.X", "n_steps": 3}
    setting = Setting("dds", configured, "tiny", backbone, {"DDS": 1})
    return Job(setting, case, seed, (case.prompt_src, case.prompt_trg))


def edited(level: float = 1.0) -> Edited:
    return Edited(torch.rand(3, 8, 8), torch.zeros(4, 2, 2), torch.full((4, 2, 2), level))


def metrics_of(one: Job, **values: float) -> MetricsRecord:
    found = {f"{name}@1": MetricValue(value, "", True) for name, value in values.items()}
    return MetricsRecord(key=one.key, case=one.case.digest, values=found)
