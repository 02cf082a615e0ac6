"""The folder of a try, and the command in a separate process.

Processes are forks of one that has done the slow imports, which keeps a command fast.
"""

import importlib
import json
import logging
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

SLOW: tuple[str, ...] = (
    "torch",
    "torchmetrics.functional.image",
    "transformers",
    "diffusers",
    "pandas",
)
SLOW += ("matplotlib.pyplot", "hydra", "safetensors.torch", "open_clip", "lpips", "torchvision")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"}
FAST: tuple[str, ...] = ("controls=none", "metrics=standard", "logger=files", "method.n_steps=2")
EDIT = (*FAST, "--backbone", "gaussian", "--method", "dds")
GAUSSIAN = (*FAST, "backbone=gaussian", "method=dds")


def load_imports() -> None:
    os.environ.update(ENVIRONMENT)
    for name in SLOW:
        importlib.import_module(name)
    import torch

    import ids

    torch.set_num_threads(1)  # a fork has no other threads and would wait for them

    for module in pkgutil.walk_packages(ids.__path__, "ids."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@dataclass(frozen=True)
class Done:
    """A finished command: its status (negative: the signal), and its output."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """The folder in which a try runs."""

    folder: Path

    def ids(self, *words: str, first: Callable[[], object] | None = None) -> Done:
        """Run `ids WORDS` in the folder. `first` is called in its process before it starts."""
        prints = self.folder.parent / "prints"
        child = os.fork()
        if child == 0:
            _command(words, self.folder, prints, first)
        _, status = os.waitpid(child, 0)
        printed = [Path(f"{prints}.{name}").read_text(errors="replace") for name in ("out", "err")]
        return Done(os.waitstatus_to_exitcode(status), *printed)

    def run(self, *words: str) -> Done:
        """`ids run` on the exact world and the table of the folder, with two steps."""
        return self.ids("run", *GAUSSIAN, "dataset=folder", "dataset.path=.", *words)

    def must(self, *words: str) -> Done:
        """Run a command that must succeed."""
        done = self.ids(*words)
        if done.status != 0:
            raise RuntimeError(f"ids {' '.join(words)}: {done.err}{done.out}")
        return done

    def records(self, output_dir: str = "outputs") -> list[dict[str, Any]]:
        """The records of the store, in the order of their keys."""
        found = sorted((self.folder / output_dir).glob("results/??/*/job.json"))
        return [json.loads(path.read_text()) for path in found]

    def numbers(self, *words: str) -> list[dict[str, Any]]:
        """The exported numbers: one dictionary per result."""
        done = self.ids("results", "export", "--json", *words)
        if done.status != 0:
            return []
        lines = done.out.strip()
        found = json.loads(lines)
        return list(found)

    def files(self) -> dict[str, str]:
        """Every file except those of runs, with the digest of its content."""
        return dict(self._files())

    def _files(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink():
                yield name, f"link to {os.readlink(path)}"
            elif path.is_file() and "runs" not in name.split("/"):
                yield name, _digest(path)


def _digest(path: Path) -> str:
    with suppress(OSError):
        return sha256(path.read_bytes()).hexdigest()
    return "unreadable"


def _command(
    words: tuple[str, ...], folder: Path, prints: Path, first: Callable[[], object] | None
) -> NoReturn:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.disable(logging.NOTSET)
    os.chdir(folder)
    for stream, name in enumerate((os.devnull, f"{prints}.out", f"{prints}.err")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if stream else os.O_RDONLY
        os.dup2(os.open(name, flags, 0o600), stream)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = ["ids", *words]
    from ids.cli import main

    try:
        if first is not None:
            first()
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    finally:
        os._exit(70)
