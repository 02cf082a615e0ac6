"""A folder of its own for a try, and the command in a process of its own.

Processes are forks of one that has the slow imports behind it, so that a command takes the time of
its work.
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

    torch.set_num_threads(1)  # threads that a fork has lost are waited for in vain

    for module in pkgutil.walk_packages(ids.__path__, "ids."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@dataclass(frozen=True)
class Done:
    """A command that has ended: its status (negative: the signal), and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """Where a try happens."""

    folder: Path

    def ids(self, *words: str, first: Callable[[], object] | None = None) -> Done:
        """As `ids WORDS` in that folder would. `first` happens in its process before it starts."""
        prints = self.folder.parent / "prints"
        child = os.fork()
        if child == 0:
            _command(words, self.folder, prints, first)
        _, status = os.waitpid(child, 0)
        told = [Path(f"{prints}.{name}").read_text(errors="replace") for name in ("out", "err")]
        return Done(os.waitstatus_to_exitcode(status), *told)

    def run(self, *words: str) -> Done:
        """`ids run` on the exact world with the folder's own table, in two steps."""
        return self.ids("run", *GAUSSIAN, "dataset=folder", "dataset.path=.", *words)

    def must(self, *words: str) -> Done:
        """A command that has to succeed before the try begins."""
        done = self.ids(*words)
        if done.status != 0:
            raise RuntimeError(f"ids {' '.join(words)}: {done.err}{done.out}")
        return done

    def records(self, output_dir: str = "outputs") -> list[dict[str, Any]]:
        """What the store says of its results, in the order of their keys."""
        found = sorted((self.folder / output_dir).glob("results/??/*/job.json"))
        return [json.loads(path.read_text()) for path in found]

    def numbers(self, *words: str) -> list[dict[str, Any]]:
        """The numbers of the results, a dictionary a row."""
        done = self.ids("results", "export", "--json", *words)
        if done.status != 0:
            return []
        lines = done.out.strip()
        found = json.loads(lines)
        return list(found)

    def files(self) -> dict[str, str]:
        """Every file but those of runs, and the digest of its content."""
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
