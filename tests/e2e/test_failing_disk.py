"""A disk that fails in mid-sweep: no damaged result, one line with the remedy, and the same command
completes it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ENVIRONMENT, ROOT

WORDS = ["debug=fast", "method=dds", "method.n_steps=2", "controls=none", "logger=none"]
WORDS += ["engine.batch_size=1", "~metrics.ssim", "~metrics.ssim_background"]
WRITES = 40  # more than the sweep has


def tried(folder: Path, *faults: dict[str, object]) -> list[dict[str, Any]]:
    """What each fault leads to, after a try without one."""
    tries = [{"folder": str(folder / str(n))} | fault for n, fault in enumerate(({}, *faults))]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "failing_disk.py"), json.dumps([WORDS, tries])],
        cwd=folder,
        env=os.environ | ENVIRONMENT | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
