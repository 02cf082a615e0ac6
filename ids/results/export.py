"""Results as one frame for other programs: a line per edit, or per kept state of one."""

from collections.abc import Sequence

import pandas as pd

from ids.results.catalog import ResultGroup
from ids.results.frames import curve_frame, frame
from ids.results.labels import setting_parts
from ids.run.store import Store

LABELS = ["dataset", "place", "backbone", "id", "tags", "source_prompt", "target_prompt"]
LABELS += ["instruction"]


def export_frame(groups: Sequence[ResultGroup], store: Store, states: bool) -> pd.DataFrame:
    """Columns: labels of the data set and its row, the method's label, seed, status, reason and
    undefined metrics, then metrics, measurements, `metadata.*` and `setting.*`. With `states` a
    line per kept state.
    """
    frames = [_with_labels(group, store, states) for group in groups]
    frames = [lines for lines in frames if not lines.empty]
    if not frames:
        return pd.DataFrame()
    whole = pd.concat(frames, ignore_index=True)
    names = [str(column) for column in whole]
    of_edits = ("label", "seed", "status", "reason", "undefined")
    first = [*LABELS, *(name for name in of_edits if name in names)]
    values = sorted(name for name in names if name.startswith(("setting.", "metadata.")))
    numbers = [name for name in names if name not in {*first, *values}]
    return whole[[*first, *numbers, *values]]  # the same order, whatever the order of the records


def _with_labels(group: ResultGroup, store: Store, states: bool) -> pd.DataFrame:
    """The frame of a group; empty where that is."""
    lines = (curve_frame if states else frame)(group.entries, store)
    if lines.empty:
        return lines
    by_case = {entry.row.case: entry.row for entry in group.entries}
    rows = [by_case[case] for case in lines["case"]]
    labels = pd.DataFrame(
        {
            "dataset": group.manifest.name,
            "place": group.manifest.place,
            "backbone": group.backbone,
            "tags": [" ".join(row.tags) for row in rows],
            "source_prompt": [row.prompts[0] for row in rows],
            "target_prompt": [row.prompts[1] for row in rows],
            "instruction": [row.instruction for row in rows],
        }
    )
    metadata = pd.DataFrame([dict(row.metadata) for row in rows]).add_prefix("metadata.")
    records = {entry.record.setting: entry.record for entry in group.entries}
    parts = {setting: setting_parts(record) for setting, record in records.items()}
    by_key = {entry.record.key: parts[entry.record.setting] for entry in group.entries}
    settings = pd.DataFrame([by_key[key] for key in lines["key"]]).add_prefix("setting.")
    lines["seed"] = lines["seed"].where(lines["seed"] >= 0).astype("Int64")
    return pd.concat([labels, lines.drop(columns="values"), metadata, settings], axis=1)
