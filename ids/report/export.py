"""`ids results export`: a frame as CSV, JSON or Parquet."""

import io
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.core.numbers import to_number
from ids.core.places import refuses_files
from ids.report.escape import for_csv

FORMATS = ("csv", "json", "parquet")


def encoded(lines: pd.DataFrame, kind: str) -> bytes:
    """The content of a file: CSV (missing numbers empty, infinite ones `inf`), JSON (a list of
    objects, missing values null, infinite ones `"inf"`) or Parquet.
    """
    content = io.BytesIO()
    match kind:
        case "csv":
            text = lines.select_dtypes(exclude="number").columns
            guarded = lines.assign(**{column: lines[column].map(_guarded) for column in text})
            guarded.to_csv(content, index=False)
        case "json":
            found = [_without_nan(line) for line in lines.to_dict("records")]
            content.write(json.dumps(found, indent=1, ensure_ascii=False).encode() + b"\n")
        case _:
            lines.to_parquet(content, index=False)
    return content.getvalue()


def format_of(kind: str | None, path: Path | None) -> str:
    """The format by flag, or by the file's ending. `ConfigError` without either, and for a file
    that cannot be written.
    """
    found = kind or (path.suffix.lower().removeprefix(".") if path else "")
    if found not in FORMATS:
        flags, endings = f"--{', --'.join(FORMATS)}", f".{', .'.join(FORMATS)}"
        if path is not None:
            raise ConfigError(f"{path}: expected a file that ends in {endings}; rename it")
        raise ConfigError(
            f"results export: expected {flags}, or a file with such an ending; got neither; add one"
        )
    if path is None and found == "parquet":
        raise ConfigError("results export --parquet: expected a file; got none; add its name")
    if path is not None:
        _check_place(path)
    return found


def _check_place(path: Path) -> None:
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise ConfigError(
                f"{path}: expected a file in a folder that exists; got none; change the path"
            )
        if path.is_symlink():
            raise ConfigError(f"{path}: expected a file; got a symbolic link; name another")
    except OSError as error:
        raise ConfigError(
            f"{str(path)[:60]}: expected a file; got {error.strerror}; name another"
        ) from error
    if reason := refuses_files(path.parent):
        raise ConfigError(f"{path}: expected a writable folder; got {reason}; name another")


def _without_nan(line: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Null for missing values; numbers in full, infinity as `inf`."""
    return {str(name): _in_json(value) for name, value in line.items()}


def _in_json(value: Any) -> Any:
    if isinstance(value, float):
        return to_number(value)
    return None if pd.isna(value) else value


def _guarded(value: object) -> object:
    return for_csv(value) if isinstance(value, str) else value
