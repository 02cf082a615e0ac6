"""From wishes to files."""

from ids.run.campaign import Asked, Campaign
from ids.run.engine import Engine
from ids.run.execute import Outcome
from ids.run.job import Job, Setting
from ids.run.session import Session
from ids.run.store import Store

__all__ = ["Asked", "Campaign", "Engine", "Job", "Outcome", "Session", "Setting", "Store"]
