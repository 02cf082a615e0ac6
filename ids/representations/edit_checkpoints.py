"""Checkpoints of edits of scenes: one file per edit, which is removed when the edit has ended."""

from dataclasses import dataclass
from pathlib import Path

from ids.core.checkpoints import EditState
from ids.scenes.checkpoint import read_checkpoint, write_tensors


@dataclass(frozen=True)
class EditCheckpoints:
    """The `Checkpoints` of the edit `name`: `file` is replaced every `every` steps."""

    file: Path
    name: str
    every: int

    def due(self, step: int) -> bool:
        """After every `every`-th step."""
        return step % self.every == 0

    def read(self) -> EditState | None:
        """The state in the file; None without a file. `DataError` for a damaged one."""
        found = read_checkpoint(self.file, self.name)
        return found and EditState(found.step, found.tensors)

    def write(self, state: EditState) -> None:
        """Replace the file, as a whole."""
        write_tensors(self.file, state.tensors, state.step, self.name)

    def remove(self) -> None:
        """Remove the file, where one was written."""
        self.file.unlink(missing_ok=True)
