"""The columns of a table of edits: their names, and the names that other layouts have for them."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import chain

from ids.core.text import counted
from ids.data.messages import quote, shorten

REQUIRED = ("image", "source", "target")
OPTIONAL = ("id", "mask", "tags", "blend", "weights", "instruction")
ALIASES = {  # of `imagefolder`, of the tables of InstructPix2Pix, and of configuration lists
    "image": ("file_name", "image_file_name", "input_img"),
    "source": ("source_prompt", "original_prompt"),
    "target": ("targets", "target_prompt", "target_prompts", "edited_prompt"),
    "mask": ("mask_file_name",),
    "instruction": ("edit_prompt",),
}
ONCE = ("image", "source", "id")  # one for a whole row; other columns may list one per target
KNOWN = frozenset({*REQUIRED, *OPTIONAL, *chain.from_iterable(ALIASES.values())})
LISTS = KNOWN - {*ONCE, *ALIASES["image"], *ALIASES["source"]}


def renames(columns: Sequence[str]) -> Mapping[str, str]:
    """Columns of another layout, and ours that they stand for. Empty for a table with our required
    columns: there, such a column is metadata.
    """
    if all(name in columns for name in REQUIRED):
        return {}
    found = {
        column: [alias for alias in aliases if alias in columns]
        for column, aliases in ALIASES.items()
        if column not in columns
    }
    return {aliases[0]: column for column, aliases in found.items() if len(aliases) == 1}


def misnamed(columns: Sequence[str]) -> str:
    """The fault in the names of the columns; empty without one. Other columns are accepted, unless
    they resemble one of ours that is missing.
    """
    others = {column.casefold(): column for column in columns if column not in REQUIRED + OPTIONAL}
    got = shorten(", ".join(columns)) or "none"
    for missing in (name for name in REQUIRED if name not in columns):
        close = get_close_matches(missing, others, n=1, cutoff=0.5) or (
            list(others) * (len(others) == 1)
        )
        hint = f"rename {quote(others[close[0]])} to {missing}" if close else "add it"
        return f"expected a column {missing}; got {got}; {hint}"
    for missing in (name for name in OPTIONAL if name not in columns):
        for alike in get_close_matches(missing, others, n=1, cutoff=0.85):
            return (
                f"expected no column that resembles {missing}; got {quote(others[alike])}; "
                "rename it"
            )
    return ""


def uneven(lists: Mapping[str, Sequence[str]]) -> str:
    """The fault in the lists of a row; empty without one."""
    if "target" not in lists:
        column = next(iter(lists))
        return f"column {column}: expected text, as target is one text; got a list; write one text"
    if not (n := len(lists["target"])):
        return "column target: expected one prompt or more; got an empty list; add one"
    for column, texts in lists.items():
        if len(texts) != n:
            return (
                f"column {column}: expected {counted(n, 'text')}, one per target; got "
                f"{len(texts)}; write one for each, or one text for all"
            )
    return ""
