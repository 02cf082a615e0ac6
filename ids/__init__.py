"""ids: text-guided image editing by score distillation. `ids.edit`, `ids.run`, `ids.results`,
`ids.compare`, `ids.judge` and `ids.search` are the Python API (see `ids.api`); torch is imported
when one of them is first used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.4.0"
__all__ = [
    "EditResult",
    "Session",
    "__version__",
    "compare",
    "edit",
    "frontier",
    "judge",
    "load_backbone",
    "matched",
    "results",
    "run",
    "search",
]

if TYPE_CHECKING:
    from ids.api import (
        EditResult,
        Session,
        compare,
        edit,
        frontier,
        judge,
        load_backbone,
        matched,
        results,
        run,
        search,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ids import api

        return getattr(api, name)
    raise AttributeError(f"module 'ids' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
