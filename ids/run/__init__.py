"""From wishes to files."""

from ids.run.engine import Engine
from ids.run.execute import Outcome
from ids.run.experiment import Experiment, MethodSpec
from ids.run.job import Job, Setting
from ids.run.session import Session
from ids.run.store import Store

__all__ = ["Engine", "Experiment", "Job", "MethodSpec", "Outcome", "Session", "Setting", "Store"]
