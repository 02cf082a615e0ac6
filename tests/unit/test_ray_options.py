"""What Ray needs is checked before Ray is imported; its actors are left before it is shut down."""

import importlib.util
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ids.core.errors import ConfigError
from ids.launch import Ray
from ids.launch.ray import ActorChannel
from ids.run.unit import Unit


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        (Ray(gpus=0.0), "expected a number with launch.gpus=0; got null; set launch.workers=N"),
        (Ray(address="local"), "expected a number for a local cluster; got null"),
    ],
)
def test_workers_without_gpus_need_a_number(
    launcher: Ray, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=message):
        _ = launcher.bounds


class FakeActor:
    """Its lines end some time after it is killed."""

    def __init__(self) -> None:
        self.killed, self.lines, self.ended = threading.Event(), self, False

    def options(self, **_: object) -> "FakeActor":
        return self

    def remote(self, *_: object) -> Iterator[bytes]:
        self.killed.wait()
        time.sleep(0.2)
        self.ended = True
        yield from ()


def test_nothing_is_listened_to_after_an_actor_is_killed() -> None:
    """Ray ends a process with status 1 whose threads use it after its shutdown."""
    actor = FakeActor()
    channel = ActorChannel(SimpleNamespace(kill=lambda one: one.killed.set()), actor, print)
    channel.send(Unit(0, []))
    channel.kill(0.0)
    assert actor.ended
