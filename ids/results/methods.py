"""The curves of all methods of one data set and backbone, and what is to be known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ids.core.errors import DataError
from ids.results.columns import Column
from ids.results.curves import States, setting_states
from ids.results.knobs import STEPS, along_knobs
from ids.results.labels import settings_of
from ids.results.levels import WHERE, axis_of
from ids.results.omissions import undefined_note

KNOB, KNOB_STEPS = Column("knob", "knob", 2), Column("knob", "steps", 1)


@dataclass(frozen=True)
class Question:
    """The metric that measures edit strength, its levels, the baseline of differences, and the
    knobs of methods whose knob is chosen. By default, the results determine axis and levels.
    """

    axis: str | None = None
    levels: Sequence[float] = ()
    baseline: str = "dds"
    knobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodCurves:
    """`states` per label, in order; `settings` are those of `ids.results.labels`, `knobs` as in
    `ids.results.knobs.Along`; `keys` are of the results.
    """

    frame: pd.DataFrame
    axis: str
    states: Mapping[str, States]
    settings: pd.DataFrame
    knobs: Mapping[str, str]
    keys: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def knob_column(self) -> Column:
        """The place on the curve."""
        return KNOB_STEPS if set(self.knobs.values()) <= {STEPS} else KNOB

    def undefined(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """A note that counts values that are not finite; without step 0, where many are not."""
        later = (self.frame["step"] > 0) | ~self.frame["label"].isin(self.knobs)
        names = dict.fromkeys(["key", "undefined", *(column.key for column in columns)])
        lines = self.frame.loc[later, [name for name in names if name in self.frame]]
        return undefined_note(lines, columns)


def method_curves(frame: pd.DataFrame, question: Question, columns: Sequence[str]) -> MethodCurves:
    """Of a `curve_frame`, with these columns. `DataError` where it has no curve or no such axis."""
    axis = axis_of(frame, question.axis)
    along = along_knobs(frame, axis, question.knobs)
    if not along.knobs:
        reasons = " ".join(along.notes)
        raise DataError(f"{WHERE}: expected a curve of one method or more; got none; {reasons}")
    states = setting_states(along.frame, list(dict.fromkeys([axis, "knob", *columns])))
    stepless = tuple(
        f"{label}: its edits share no kept step and are not matched; run them again with one "
        "keep_every."
        for label, of in states.items()
        if of.moving and len(of.curves().steps) < 2
    )
    keys = tuple(sorted(frame["key"].unique()))
    settings = settings_of(along.frame)
    notes = (*stepless, *along.notes)
    return MethodCurves(along.frame, axis, states, settings, along.knobs, keys, notes)
