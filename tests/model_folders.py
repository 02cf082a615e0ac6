"""The identity of a changed model folder, or the error that refuses it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ids.backbones import StableDiffusion
from ids.core.errors import WeightsError


def identity(folder: Path) -> str:
    return StableDiffusion(str(folder)).identity()["weights"]


def refusal(folder: Path) -> str:
    """The one-line error before the first edit."""
    with pytest.raises(WeightsError) as raised:
        identity(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda found: {n: x for n, x in found.items() if name not in n}
