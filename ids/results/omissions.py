"""Why an edit has no finite number: never computed, undefined for its case, or infinite."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import pandas as pd
from jaxtyping import Int
from numpy import ndarray

from ids.core.text import counted
from ids.results.columns import Column

SEPARATOR_OF_NAMES = "; "  # in the column `undefined` of a frame


class Reason(IntEnum):
    """In a pair, the greater of the two reasons counts."""

    FINITE = 0
    NOT_COMPUTED = 1
    UNDEFINED = 2
    INFINITE = 3


def reasons_of(frame: pd.DataFrame, columns: Sequence[Column]) -> Int[ndarray, "edits columns"]:
    """A `Reason` per edit and column. In a frame without the column `undefined`, every missing
    number is undefined.
    """
    values = frame[[column.key for column in columns]].to_numpy(float)
    reasons = np.where(np.isinf(values), Reason.INFINITE, Reason.FINITE)
    reasons[np.isnan(values)] = Reason.UNDEFINED
    if "undefined" in frame:
        known = frame["undefined"].fillna("")
        for index, column in enumerate(columns):
            missing = np.isnan(values[:, index])
            if missing.any():
                named = {text: column.key in _names(text) for text in known[missing].unique()}
                not_computed = ~known[missing].map(named).to_numpy(bool)
                reasons[np.flatnonzero(missing)[not_computed], index] = Reason.NOT_COMPUTED
    return reasons


def undefined_note(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[str, ...]:
    """One note that counts, per column, the edits without a finite number; none where all have."""
    named = {
        Reason.UNDEFINED: "undefined",
        Reason.INFINITE: "infinite",
        Reason.NOT_COMPUTED: "not computed yet",
    }
    parts = []
    for column, reasons in zip(columns, reasons_of(frame, columns).T, strict=True):
        for reason, name in named.items():
            if (found := reasons == reason).any():
                parts.append(f"{column.title} in {frame['key'][found].nunique()} ({name})")
    edits = frame["key"].nunique()
    return (
        (f"No finite number, of {counted(edits, 'edit')}: {', '.join(parts)}; left out.",)
        if parts
        else ()
    )


def _names(text: str) -> list[str]:
    return text.split(SEPARATOR_OF_NAMES)
