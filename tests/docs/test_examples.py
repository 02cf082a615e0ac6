"""The files printed in docs/extending.md work as printed, in a folder outside the package."""

import re
from pathlib import Path

from conftest import ROOT, Ids

from ids.run.records import EditRecord
from ids.run.sealed import read

BLOCK = re.compile(r"^```(?:python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FAST = ("debug=fast", "controls=none", "method.n_steps=2")


def write_examples(folder: Path) -> None:
    """Every block whose first line names a file below mine/."""
    for block in BLOCK.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8")):
        named = re.match(r'(?:"""|# )(mine/[\w./]+)', block)
        if named:
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")


def test_rule_and_refiner_run_from_outside(ids: Ids) -> None:
    write_examples(ids.folder)
    words = ("method=dds,scaled_dds", "fpr=none,shrink")
    done = ids("run", "-m", "--config-dir", "mine", *FAST, *words)
    assert done.returncode == 0, done.stderr
    records = [read(path, EditRecord) for path in ids.results()]
    assert {record.name for record in records if record} == {
        "dds",
        "ids+shrink",
        "scaled_dds",
        "scaled_dds+shrink",
    }
