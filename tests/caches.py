"""The caches of weights, in a folder of a test."""

from pathlib import Path

import pytest
import torch


def point_at(hub: Path, torch_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries of this process look for files of the hub and of torch there."""
    for name in ("constants", "file_download", "_snapshot_download"):
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            target = f"huggingface_hub.{name}.{variable}"
            monkeypatch.setattr(target, str(hub), raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(torch_hub))
