"""Results on disk. A result is complete or absent; the first complete one wins and stays.

results/<key[:2]>/<key>/        job.json  edit.png  edit.safetensors (z_trg, states, curves)
                                metrics-<case>.json, one per case; see `scene_files` for scenes
sources/<xx>/<name>             the source's latent, once per image and backbone
measurements/<engine>/          time, memory and network evaluations, a file per batch
datasets/                       the rows of each data set as they were read last
mirrored/                       the results that each logger has
sheets/                         where each contact sheet that was drawn is, see `ids.report.drawn`
claims/  partial/               work under way, see `ids.core.claims`
aside/                          files that were in the place of a result
"""

import errno
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from ids.core.claims import Claims, Scratch
from ids.core.records import Edited, Trace
from ids.core.tensors import Image, Latent
from ids.images import from_png, to_pil
from ids.run.files import difference, touch, write
from ids.run.job import Job
from ids.run.numbers import Numbers
from ids.run.records import EditRecord, Environment, Status
from ids.run.scene_files import scene_files
from ids.run.sealed import Unusable, read, seal
from ids.run.sources import Sources

RECORD, IMAGE, TENSORS = "job.json", "edit.png", "edit.safetensors"
STATE, CURVE = "state.", "curve."
WHOLE = torch.contiguous_format  # rows of a batch share memory, and a file may not
OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


@dataclass(frozen=True)
class Lookup:
    """The result of a key: a record, nothing, or the `problem` of files that are no result."""

    key: str
    record: EditRecord | None = None
    problem: str = ""
    kind: str = ""  # of the problem: damaged, foreign, newer, old, misplaced

    @property
    def status(self) -> Status | None:
        """Of the record; None without one."""
        return self.record.status if self.record else None


@dataclass(frozen=True)
class Store:
    """All results below `root`. Safe against kill -9, and for several processes at once."""

    root: Path

    @cached_property
    def claims(self) -> Claims:
        """Locks on results under way."""
        return Claims(self.root / "claims")

    @cached_property
    def numbers(self) -> Numbers:
        """Metrics and measurements."""
        return Numbers(self.root, self._scratch)

    @cached_property
    def sources(self) -> Sources:
        """Latents of source images."""
        return Sources(self.root / "sources", self.numbers)

    @cached_property
    def _scratch(self) -> Scratch:
        return Scratch(self.root / "partial")

    def sweep(self) -> None:
        """Remove unfinished files of dead processes."""
        self.claims.sweep()
        self._scratch.sweep()

    def close(self) -> None:
        """Remove unfinished files of this process."""
        self._scratch.close()

    def folder(self, key: str) -> Path:
        """The folder of the result of that key, whether it exists or not."""
        return Path(f"{self.root}/results/{key[:2]}/{key}")

    def all_keys(self) -> Iterator[str]:
        """The keys of all result folders, sorted."""
        yield from (name for group, name in self._names() if group == name[:2])

    def present(self) -> set[str]:
        """The names of all result folders, whatever they hold: one listing for many look-ups."""
        return {name for _, name in self._names()}

    def misplaced(self) -> Iterator[str]:
        """A line per file or folder among the results that is in no result's place."""
        for group, name in self._names():
            if group != name[:2]:
                found = self.root / "results" / group / name
                yield f"{found}: expected in {self.folder(name).parent}"

    def _names(self) -> Iterator[tuple[str, str]]:
        """Folder and name of everything below results/."""
        results = self.root / "results"
        for group in sorted(os.listdir(results)) if results.is_dir() else ():
            if (results / group).is_dir():
                yield from ((group, name) for name in sorted(os.listdir(results / group)))
            else:
                yield "", group

    def remove(self, key: str) -> bool:
        """Remove a result; False where a process holds its claim."""
        with self.claims.held(key) as held:
            if held:
                self._set_aside(self.folder(key), keep=False)
            return held

    def look(self, key: str, files: bool = True, content: bool = False) -> Lookup:
        """The result of a key. With `files` the size and time of its files are compared with their
        stamps, with `content` every byte.
        """
        folder = os.fspath(self.folder(key))
        try:
            record = read(f"{folder}/{RECORD}", EditRecord)
        except Unusable as error:
            return Lookup(key, None, f"{folder}/{RECORD}: {error}", error.kind)
        if record is None:
            missing = Lookup(key, None, f"{folder}/{RECORD}: it is missing", "damaged")
            return missing if os.path.lexists(folder) else Lookup(key)
        if record.key != key:
            return Lookup(key, None, f"{folder}: it holds the result {record.key}", "misplaced")
        for name, wanted in record.files.items() if files or content else ():
            if problem := difference(f"{folder}/{name}", wanted, content):
                if content:  # so that a look at size and time alone finds it, too
                    touch(f"{folder}/{name}")
                return Lookup(key, None, f"{folder}/{name}: {problem}", "damaged")
        return Lookup(key, record)

    def put(
        self,
        job: Job,
        edited: Edited,
        curves: Mapping[str, Tensor],
        states: Mapping[int, Tensor],
        environment: Environment | None = None,
        replace: bool = False,
        keep_every: int = 0,
    ) -> bool:
        """Store a finished edit. False where a result exists already and stays; with `replace` the
        new one takes its place. `OSError` where the disk is full.
        """
        tensors = {"z_trg": edited.z_trg}
        tensors |= {f"{STATE}{step:06}": z for step, z in states.items()}
        tensors |= {f"{CURVE}{name}": curve for name, curve in curves.items()}
        tensors = {name: tensor.clone(memory_format=WHOLE) for name, tensor in tensors.items()}
        folder = self._scratch.new_path(job.key)
        try:
            folder.mkdir()
            content = {IMAGE: _png(edited.image), TENSORS: save(tensors)} | scene_files(edited)
            files = {name: write(folder / name, found) for name, found in content.items()}
            record = job.record("ok", "", environment, files, keep_every if states else 0)
            write(folder / RECORD, seal(record), flush=True)
            return self._publish(folder, job.key, replace)
        finally:
            _discard(folder)

    def put_failure(self, job: Job, status: Status, reason: str) -> bool:
        """Store the reason of a failure. False where a finished edit exists."""
        folder = self._scratch.new_path(job.key)
        try:
            folder.mkdir()
            (folder / RECORD).write_bytes(seal(job.record(status, reason)))
            return self._publish(folder, job.key, replace=False)
        finally:
            _discard(folder)

    def image(self, key: str) -> Image:
        """The edited image [3, h, w]."""
        return from_png(self.folder(key) / IMAGE)

    def z_trg(self, key: str) -> Latent:
        """The edited latent [1, C, H, W]."""
        return self._tensors(key)["z_trg"].unsqueeze(0)

    def trace(self, key: str) -> Trace:
        """Curves with one value, or one vector, per step."""
        found = self._tensors(key).items()
        return Trace({n.removeprefix(CURVE): c for n, c in found if n.startswith(CURVE)})

    def states(self, key: str) -> dict[int, Tensor]:
        """Step -> z_trg [C, H, W] at the kept steps, in order; empty where none were kept."""
        found = sorted(self._tensors(key).items())
        return {int(n.removeprefix(STATE)): z for n, z in found if n.startswith(STATE)}

    def _tensors(self, key: str) -> dict[str, Tensor]:
        return load((self.folder(key) / TENSORS).read_bytes())

    def _publish(self, folder: Path, key: str, replace: bool) -> bool:
        """Give a complete folder its final name."""
        final = self.folder(key)
        while True:
            try:
                folder.rename(final)
                return True
            except FileNotFoundError:
                final.parent.mkdir(parents=True, exist_ok=True)
                continue
            except OSError as error:
                if error.errno not in OCCUPIED:
                    raise
            existing = self.look(key)
            if existing.status == "ok" and not replace:
                return False
            self._set_aside(final, keep=existing.record is None)

    def _set_aside(self, path: Path, keep: bool) -> None:
        """Move a folder or file away: to aside/ with `keep`, else to be removed."""
        away = self._scratch.new_path(path.name)
        if keep:
            away = self.root / "aside" / away.name
            away.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process has moved it
            path.rename(away)
            if not keep:
                shutil.rmtree(away, ignore_errors=True)


def _png(image: Image) -> bytes:
    content = io.BytesIO()
    to_pil(image).save(content, "PNG")
    return content.getvalue()


def _discard(folder: Path) -> None:
    """Remove a folder that was not published."""
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
