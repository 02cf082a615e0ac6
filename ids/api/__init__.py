"""The Python API: `ids.edit`, `ids.run`, `ids.results`, `ids.compare`, `ids.judge`. The
command line and these functions call the same code, and give the same numbers.
"""

from ids.api.edit_result import EditResult
from ids.api.edits import edit, load_backbone
from ids.api.judging import judge
from ids.api.runs import Run, compare, frontier, matched, results, run
from ids.run import Session

__all__ = ["EditResult", "Run", "Session", "compare", "edit", "frontier", "judge"]
__all__ += ["load_backbone", "matched", "results", "run"]
