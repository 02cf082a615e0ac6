"""Commands import what they use, and no more: every import costs time before the first edit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "pandas", "scipy", "matplotlib", "wandb", "open_clip", "transformers")
HEAVY += ("diffusers", "torchvision", "timm", "lpips", "huggingface_hub", "submitit", "ray")
UNUSED = set(HEAVY) - {"torch", "pandas", "scipy", "matplotlib"}  # of tables and sheets
SCRIPT = """
import json, sys
from ids.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    found = {"status": end.code, "modules": sorted(sys.modules)}
open(sys.argv[1], "w").write(json.dumps(found))
"""
# Two rows of the exact Gaussian world, without networks of metrics and without a logger.
RUN = ("run", "debug=fast", "controls=none", "limit=2", "logger=none", "metrics=standard")


def imported(folder: Path, *words: str) -> set[str]:
    """The modules of a new process that has run the command."""
    out = folder / "modules.json"
    command = [sys.executable, "-c", SCRIPT, str(out), *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    found = json.loads(out.read_text())
    assert found["status"] in (0, None), found["status"]
    return set(found["modules"])


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("list", "metric")])
def test_help_and_lists_import_nothing_heavy(words: tuple[str, ...], tmp_path: Path) -> None:
    assert not imported(tmp_path, *words) & set(HEAVY)


def test_a_run_imports_no_metric_logger_or_backbone_that_is_not_chosen(tmp_path: Path) -> None:
    modules = imported(tmp_path, *RUN)
    assert not modules & UNUSED
    assert "torch._dynamo" not in modules  # torch's compiler: more than a second
    assert "torch" in modules


def test_loggers_are_open_before_pandas_is_imported() -> None:
    """Half a second before the first edit: it is imported once an edit has ended."""
    code = "import ids.track, ids.log, sys; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_status_imports_no_library_of_edits_and_metrics(tmp_path: Path) -> None:
    (tmp_path / "outputs" / "runs").mkdir(parents=True)
    assert not imported(tmp_path, "status") & UNUSED
