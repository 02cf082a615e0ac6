"""The cases of a table by tag: a block of cases for each, compared within the block alone."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import pandas as pd

from ids.core.text import counted
from ids.results.catalog import ResultGroup
from ids.run.records import Row

NO_TAG = "no tag"  # tags have no spaces
UNTAGGED = "By tag: no case of this data set has a tag."
NO_BLOCKS: Mapping[str, Collection[str]] = {}


def cases_by_tag(group: ResultGroup, broken: Iterable[Row] = ()) -> dict[str, frozenset[str]]:
    """Tag -> its cases as in a `frame`, in the order of the data set; cases without a tag last.
    Tags of the same cases are one block (`6, colour`). Empty where no case has a tag.
    """
    tags = {entry.row.case: entry.row.tags for entry in group.entries}
    tags |= {row.id: row.tags for row in broken}
    blocks: dict[frozenset[str], list[str]] = {}
    for tag in dict.fromkeys(tag for row in group.manifest.rows for tag in row.tags):
        cases = frozenset(case for case, of in tags.items() if tag in of)
        blocks.setdefault(cases, []).append(tag)
    found = {", ".join(names): cases for cases, names in blocks.items() if cases}
    bare = frozenset(case for case, of in tags.items() if not of)
    return found | {NO_TAG: bare} if found and bare else found


def in_blocks(
    frame: pd.DataFrame, blocks: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The lines of each block, with its tag; without blocks all lines, with an empty tag."""
    if not blocks:
        yield "", frame
    for tag, cases in blocks.items():
        yield tag, frame[frame["case"].isin(list(cases))]


def tags_note(blocks: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """What the blocks have in common; none without blocks."""
    if not blocks:
        return ()
    times = Counter(case for cases in blocks.values() for case in cases)
    several = sum(n > 1 for n in times.values())
    verb = "has several tags, and counts" if several == 1 else "have several tags, and count"
    repeated = f"; {counted(several, 'case')} {verb} in each block" if several else ""
    return (
        "By tag: means, differences and tests are of the cases of each block (seconds and memory: "
        "of the batches with any of them); Holm's correction is for all blocks together"
        f"{repeated}.",
    )
