"""The Python API: `ids.edit`, `ids.run`, `ids.results`, `ids.compare`, `ids.judge`,
`ids.search`. The command line and these functions call the same code, and give the same numbers.
"""

from ids.api.edit_result import EditResult
from ids.api.edits import edit, load_backbone
from ids.api.judging import judge
from ids.api.runs import Run, compare, frontier, matched, results, run
from ids.api.searches import SearchResult, SearchTrial, search
from ids.run import Session

__all__ = ["EditResult", "Run", "SearchResult", "SearchTrial", "Session", "compare", "edit"]
__all__ += ["frontier", "judge", "load_backbone", "matched", "results", "run", "search"]
