"""What Ray needs is checked before Ray is imported."""

import importlib.util
import sys

import pytest

from ids.core.errors import ConfigError
from ids.launch import Ray


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
