"""What the curve of a method runs along: the steps of its edits, or the one number in which its
settings differ.

A method that optimizes is stopped earlier or later. A method that samples (SDEdit, Prompt-to-
Prompt) has no states to stop at; its settings that differ in one number alone are the points of one
curve, in the order in which edit strength grows. The curve starts at the first of these settings:
no point is added, since few methods become the untouched source anywhere.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ids.core.errors import ConfigError
from ids.core.text import counted
from ids.results.families import Values, families, knob_keys, resolve, without
from ids.results.labels import (
    differing,
    in_order,
    is_edit,
    label_of,
    labelled,
    settings_of,
    short_key,
)

STEPS = "steps"
EDIT = ["label", "case", "seed"]
Knobs = Mapping[str, str]  # method -> key, for methods whose knob is chosen


@dataclass(frozen=True)
class Along:
    """A `curve_frame` in which every curve is one label: settings of one family have the label of
    the family, their number (from 1) as `step`, and their value as `knob`. `knobs` are the keys, by
    label; null and true edit have none.
    """

    frame: pd.DataFrame
    knobs: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """The lines of one curve; none for settings without a curve, which `note` explains. Those that
    are `alone` are explained together, with an `example` of a sweep.
    """

    label: str = ""
    lines: pd.DataFrame | None = None
    knob: str = ""
    note: str = ""
    alone: Sequence[str] = ()
    example: str = ""


def parse_knobs(words: Sequence[str]) -> dict[str, str]:
    """`["sdedit=strength"]` by method. `ConfigError` for words of another form."""
    found = {}
    for word in words:
        name, equals, key = word.partition("=")
        if not (name and equals and key):
            raise ConfigError(
                f"--knob: expected METHOD=KEY; got {word[:60]!r}; write it as sdedit=strength"
            )
        found[name] = key
    return found


def along_knobs(frame: pd.DataFrame, axis: str, chosen: Knobs) -> Along:
    """Of a `curve_frame` of one data set and backbone; `axis` measures edit strength. `ConfigError`
    for a chosen key that the method's settings do not have as a number.
    """
    moving = set(frame.loc[frame["step"] != 0, "label"].unique())
    controls = _of(frame, set(frame["label"].unique()) - moving)
    edits = _of(frame, moving)
    parts = [_Part(lines=controls.assign(knob=0.0))]
    settings = dict(settings_of(edits).itertuples(index=False, name=None))
    for name in dict.fromkeys(label.split(" ")[0] for label in in_order(settings)):
        labels = [label for label in in_order(settings) if label.split(" ")[0] == name]
        lines = _of(edits, labels)
        values = {label: settings[label] for label in labels}
        parts += _method(name, lines, values, axis, chosen.get(name, ""))
    frames = [part.lines for part in parts if part.lines is not None and len(part.lines)]
    knobs = {part.label: part.knob for part in parts if part.knob}
    whole = pd.concat(frames, ignore_index=True) if frames else frame.iloc[:0].assign(knob=0.0)
    notes = (*(part.note for part in parts), _alone_note(parts))
    return Along(whole, knobs, tuple(filter(None, notes)))


def _method(
    name: str, lines: pd.DataFrame, values: Values, axis: str, chosen: str
) -> Iterator[_Part]:
    """The curves of one method: along steps where edits have kept states, unless another knob is
    chosen.
    """
    if not is_edit(name):
        yield _Part(note=f"{name}: no edit by the target prompt; it is left out.")
        return
    key = resolve(name, chosen, values) if chosen and chosen != STEPS else ""
    if not key:
        stepped = set(lines.loc[lines["step"].notna(), "label"].unique())
        yield from (_stepped(label, _of(lines, [label])) for label in values if label in stepped)
        values = {label: of for label, of in values.items() if label not in stepped}
    keys = [key] if key else knob_keys(values)
    if len(keys) > 1:
        named = ", ".join(map(short_key, keys))
        yield _Part(
            note=f"{name}: its settings differ in several numbers ({named}) and are left out; "
            f"choose one with --knob {name}={short_key(keys[0])} (of `ids table --matched`)."
        )
        return
    last = lines.sort_values("step", kind="stable").drop_duplicates(EDIT, keep="last")
    found = families(values, keys[0]) if keys else [[label] for label in values]
    for family in (family for family in found if len(family) > 1):
        yield _family(name, last, {label: values[label] for label in family}, axis, keys[0], values)
    if alone := [family[0] for family in found if len(family) == 1]:
        yield _Part(alone=alone, example=_example(name, values[alone[0]]))


def _stepped(label: str, lines: pd.DataFrame) -> _Part:
    """A setting along the steps of its edits."""
    kept = lines[lines["step"].notna()]
    note = ""
    if left := len(lines) - len(kept):
        note = f"{label}: left out: {counted(left, 'edit')} without kept states."
    return _Part(label, kept.assign(knob=kept["step"]), STEPS, note)


def _family(
    name: str, lines: pd.DataFrame, members: Values, axis: str, key: str, all_of: Values
) -> _Part:
    """The settings `members` as one curve, over the cases and seeds that all of them have."""
    fixed = {label: without(of, key, all_of) for label, of in members.items()}
    values = next(iter(fixed.values()))
    label = label_of(name, values, [k for k in differing(all_of.values()) if k in values])
    lines = _of(lines, members)
    edit = pd.MultiIndex.from_frame(lines[["case", "seed"]])
    count = edit.value_counts()
    shared = count[count == len(members)].index
    lines = lines[edit.isin(shared)]
    at = {member: float(of[key]) for member, of in members.items()}
    order = _order(lines, axis, sorted(members, key=at.__getitem__))
    place = {member: 1.0 + index for index, member in enumerate(order)}
    same = pd.Series([values] * len(lines), index=lines.index, dtype=object)
    points = lines["label"].map(place)
    lines = lines.assign(knob=lines["label"].map(at), step=points, label=label, values=same)
    word, ends = short_key(key), (at[order[0]], at[order[-1]])
    note = f"{label}: along {word}, {ends[0]:g} to {ends[1]:g} ({len(order)} settings)"
    if left := len(count) - len(shared):
        note += f"; {left} of {len(count)} edits are missing at some of them, and left out"
    return _Part(label, lines, word, f"{note}.")


def _of(lines: pd.DataFrame, labels: Collection[str]) -> pd.DataFrame:
    """The lines with these labels."""
    return lines[labelled(lines, lambda label: label in labels)]


def _order(lines: pd.DataFrame, axis: str, ascending: list[str]) -> list[str]:
    """The settings in the direction in which mean strength grows."""
    table = lines.pivot_table(index="case", columns="label", values=axis, aggfunc="mean")
    if not set(ascending) <= set(table):
        return ascending
    mean = table.where(np.isfinite(table)).dropna()[ascending].mean().to_numpy()
    slope = float(np.dot(np.arange(len(mean)) - (len(mean) - 1) / 2, mean))
    return ascending[::-1] if slope < 0 else ascending


def _alone_note(parts: Iterable[_Part]) -> str:
    """One note on all methods with a single setting, and how to get a curve."""
    parts = [part for part in parts if part.alone]
    if not parts:
        return ""
    labels = [label for part in parts for label in part.alone]
    each = "one setting" if len(labels) == 1 else "one setting each"
    example = next((part.example for part in parts if part.example), "")
    return (
        f"{', '.join(labels)}: {each} without kept states is no curve, and left out; sweep a "
        f"number of the method{example}, or keep states where a method optimizes an image "
        "(keep_every=10)."
    )


def _example(name: str, values: Mapping[str, str]) -> str:
    """A sweep of the first number of a method that may be a fraction; empty without one."""
    method = name.split("+")[0]
    if name != method:
        return ""
    for key, text in values.items():
        if "." not in key and _decimal(text):
            top = float(text)
            points = f"{top / 2:g},{top * 3 / 4:g},{text}"
            return f", as in `ids run -m method={method} method.{key}={points}`"
    return ""


def _decimal(text: str) -> bool:
    """A positive number that may be a fraction."""
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value > 0 and "." in text
