"""From built experiments to stored results."""

from ids.core.callable_package import make_callable
from ids.run.anchor_cache import CacheLimits
from ids.run.edit import BatchEditor, EditedBatch, FinishedEdit
from ids.run.engine import Engine
from ids.run.execute import Outcome
from ids.run.experiment import Experiment, MethodSpec
from ids.run.job import Job, Setting
from ids.run.judge import Judged, judge_edits
from ids.run.session import Session
from ids.run.store import Store

__all__ = [
    "BatchEditor",
    "CacheLimits",
    "EditedBatch",
    "Engine",
    "Experiment",
    "FinishedEdit",
    "Job",
    "Judged",
    "MethodSpec",
    "Outcome",
    "Session",
    "Setting",
    "Store",
    "judge_edits",
]

make_callable(__name__)
