"""The command that made a result, from the folders of the store's runs."""

import shlex
from pathlib import Path

import msgspec

from ids.run.outcomes import FILE, RunRecord
from ids.run.sealed import Unusable, read


def command_of(root: Path, key: str) -> str:
    """`ids run WORDS` of the newest run with this result; empty where no run folder has it."""
    files = sorted((root / "runs").glob(f"*/{FILE}")) + sorted((root / "runs").glob(f"*/*/{FILE}"))
    for file in sorted(files, key=lambda file: file.relative_to(root).parts[1], reverse=True):
        if _has(file, key) and (words := _words(file.parent / "config" / "overrides.yaml")):
            return f"ids run {shlex.join(words)}"
    return ""


def _has(file: Path, key: str) -> bool:
    try:
        record = read(file, RunRecord)
    except Unusable:
        return False
    return record is not None and any(outcome.key == key for outcome in record.outcomes)


def _words(file: Path) -> list[str]:
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=list[str])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
