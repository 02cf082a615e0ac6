"""Memory does not grow with the edits of a command: what Python allocates, counted."""

import subprocess
import sys
from pathlib import Path

IN_THE_LOOP, IN_A_TABLE = 3000, 8000  # bytes an edit; about 2,000 and 6,000 are needed
# In a process of its own: checks of array shapes keep memory that commands do not need.
COUNT = """
import gc, tracemalloc
from pathlib import Path
from ids.config.entry import prepare
from ids.launch import launch
from ids.results.catalog import read_catalog
from ids.run import Store
from ids.run.sweep import Sweep
from ids.run.unit import Ended

EDITS, FIRST, LAST = 48, 16, 40  # the end of a setting prints a line
found, report = {0: 0}, Sweep.report

def traced():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

def reported(self, one):
    report(self, one)
    if isinstance(one, Ended):
        found[max(found) + len(one.rows)] = traced()

Sweep.report = reported
words = "debug=fast method=dds method.n_steps=1 controls=none logger=none limit=null".split()
prepared = prepare([*words, f"dataset.count={EDITS}"])
tracemalloc.start()
assert not launch(prepared).failed
before = traced()
(group,) = read_catalog(Store(Path("outputs"))).groups
assert len(group.entries) == EDITS
print((found[LAST] - found[FIRST]) / (LAST - FIRST), (traced() - before) / EDITS)
"""


def test_an_edit_leaves_nothing_in_memory_and_tables_share_equal_parts(tmp_path: Path) -> None:
    words = [sys.executable, "-c", COUNT]
    out = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    in_the_loop, in_a_table = map(float, out.split()[-2:])
    assert in_the_loop < IN_THE_LOOP
    assert in_a_table < IN_A_TABLE
