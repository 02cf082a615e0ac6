"""Results for other programs: a line per edit, or per kept state of one, as numbers."""

import io
import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.core.places import refuses_files
from ids.report.text import for_csv
from ids.results.catalog import ResultGroup
from ids.results.frames import curve_frame, frame, setting_parts
from ids.run.store import Store

LABELS = ["dataset", "place", "backbone", "id", "tags", "source_prompt", "target_prompt"]
FORMATS = ("csv", "json", "parquet")


def export_frame(worlds: Sequence[ResultGroup], store: Store, states: bool) -> pd.DataFrame:
    """Columns: labels of the data set and its row, the method's label, `setting.*`, then metrics
    and measurements; with `states` a line per kept state.
    """
    frames = []
    for world in worlds:
        lines = (curve_frame if states else frame)(world.entries, store)
        if lines.empty:
            continue
        rows = {entry.row.case: entry.row for entry in world.entries}
        asked = [rows[case] for case in lines["case"]]
        labels = pd.DataFrame(
            {
                "dataset": world.manifest.name,
                "place": world.manifest.place,
                "backbone": world.backbone,
                "tags": [" ".join(row.tags) for row in asked],
                "source_prompt": [row.prompts[0] for row in asked],
                "target_prompt": [row.prompts[1] for row in asked],
            }
        )
        metadata = pd.DataFrame([dict(row.metadata) for row in asked]).add_prefix("metadata.")
        flat = {e.record.setting: setting_parts(e.record) for e in world.entries}
        by_key = {e.record.key: flat[e.record.setting] for e in world.entries}
        settings = pd.DataFrame([by_key[key] for key in lines["key"]]).add_prefix("setting.")
        lines["seed"] = lines["seed"].where(lines["seed"] >= 0).astype("Int64")
        frames.append(pd.concat([labels, lines.drop(columns="values"), metadata, settings], axis=1))
    if not frames:
        return pd.DataFrame()
    whole = pd.concat(frames, ignore_index=True)
    first = [*LABELS, "label", "seed", "status", "reason"]
    return whole[[*first, *(column for column in whole if column not in first)]]


def encoded(lines: pd.DataFrame, kind: str) -> bytes:
    """The content of a file: CSV (missing numbers empty), JSON (a list of objects, missing null) or
    Parquet.
    """
    content = io.BytesIO()
    match kind:
        case "csv":
            text = lines.select_dtypes(exclude="number").columns
            guarded = lines.assign(**{column: lines[column].map(_guarded) for column in text})
            guarded.to_csv(content, index=False)
        case "json":
            found = [_known(line) for line in lines.to_dict("records")]
            content.write(json.dumps(found, indent=1, ensure_ascii=False).encode() + b"\n")
        case _:
            lines.to_parquet(content, index=False)
    return content.getvalue()


def format_of(kind: str | None, path: Path | None) -> str:
    """What was asked for by flag or by the file's ending; `ConfigError` where neither will do."""
    found = kind or (path.suffix.lower().removeprefix(".") if path else "")
    if found not in FORMATS:
        raise ConfigError(
            f"results export: expected --{', --'.join(FORMATS)}, or a file with such an ending; "
            f"got {path or 'neither'}; add one"
        )
    if path is None and found == "parquet":
        raise ConfigError("results export --parquet: expected a file; got none; add its name")
    if path is not None:
        _check_place(path)
    return found


def _check_place(path: Path) -> None:
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise ConfigError(f"{path}: expected a file in a folder that exists; change the path")
        if path.is_symlink():
            raise ConfigError(f"{path}: expected a file; a symbolic link is there; name another")
    except OSError as error:
        raise ConfigError(
            f"{str(path)[:60]}: expected a file; {error.strerror}; name another"
        ) from error
    if reason := refuses_files(path.parent):
        raise ConfigError(f"{path}: expected a folder that can be written; {reason}; name another")


def _known(line: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Null for what is missing; numbers in full."""
    return {str(name): None if pd.isna(value) else value for name, value in line.items()}


def _guarded(value: object) -> object:
    return for_csv(value) if isinstance(value, str) else value
