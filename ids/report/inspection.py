"""An inspected data set in lines of text."""

from collections.abc import Iterator

from ids.core.text import with_counts
from ids.run.inspection import Inspection

SHOWN = 40  # tags or sizes


def describe_inspection(found: Inspection) -> Iterator[str]:
    """Every fault, then the manifest, then the verdict."""
    yield from found.faults
    if found.faults:
        yield ""
    yield found.name
    for name, text in _manifest(found):
        yield f"  {name:13} {text}"
    yield ""
    if found.faults:
        yield f"{len(found.faults)} of {found.n_selected} rows cannot be edited"
    else:
        yield "every row can be edited"


def _manifest(found: Inspection) -> Iterator[tuple[str, str]]:
    if found.place:
        yield "place", found.place
    of = "" if found.n_selected == found.n_rows else f" of {found.n_rows}, by the selection"
    yield "rows", f"{found.n_selected}{of}"
    repeated = found.n_selected - len(found.faults) - found.n_cases
    yield (
        "cases",
        f"{found.n_cases}" + (f"; rows that repeat another: {repeated}" if repeated else ""),
    )
    yield "digest", f"{found.content}, read at {found.view}"
    yield "image sizes", with_counts(found.sizes, SHOWN) or "none"
    yield "tags", with_counts(found.tags, SHOWN) or "none"
    for name in ("masks", "true edits", "instructions", "blend words", "word weights"):
        yield name, str(found.counts.get(name, 0))
