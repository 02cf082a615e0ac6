"""Stored results to the trackers, while a sweep runs and afterwards. The store is the source."""

from ids.track.feed import Feed
from ids.track.sender import Sender
from ids.track.tracked import Tracked
from ids.track.tracking import Tracking, tracking

__all__ = ["Feed", "Sender", "Tracked", "Tracking", "tracking"]
