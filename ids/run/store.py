"""Results on disk. A result is whole or absent; the first complete one wins and stays.

results/<key[:2]>/<key>/        job.json  edit.png  edit.safetensors (z_trg, states, curves)
                                metrics-<case>.json, one per case that this edit answers
sources/<xx>/<name>             the source's latent, once per image and backbone
measurements/<engine>/          what batches took, a file each
datasets/                       the rows of each data set, as they were seen last
mirrored/                       what each logger has been given
claims/  partial/               work under way, see `claims`
aside/                          what stood in a result's place and was none
"""

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ids.core.records import Edited, Trace
from ids.core.tensors import Image, Latent
from ids.images import from_png, to_pil
from ids.run.claims import Claims, Workshop
from ids.run.files import touch, unlike, write
from ids.run.job import Job
from ids.run.numbers import Numbers
from ids.run.records import EditRecord, Environment, Status
from ids.run.sealed import Unusable, read, seal

RECORD, IMAGE, TENSORS = "job.json", "edit.png", "edit.safetensors"
STATE, CURVE = "state.", "curve."
WHOLE = torch.contiguous_format  # rows of a batch share memory, and a file may not
OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


@dataclass(frozen=True)
class Look:
    """What stands under a key: a record, nothing, or something that is no result (`problem`)."""

    key: str
    record: EditRecord | None = None
    problem: str = ""
    kind: str = ""  # of the problem: damaged, foreign, newer, old, misplaced

    @property
    def status(self) -> Status | None:
        return self.record.status if self.record else None


@dataclass(frozen=True)
class Store:
    """All results below `root`. Safe against kill -9, and against several processes writing at
    once.
    """

    root: Path

    @cached_property
    def claims(self) -> Claims:
        return Claims(self.root / "claims")

    @cached_property
    def numbers(self) -> Numbers:
        return Numbers(self.root, self._workshop)

    @cached_property
    def _workshop(self) -> Workshop:
        return Workshop(self.root / "partial")

    def sweep(self) -> None:
        """Remove what dead processes left unfinished."""
        self.claims.sweep()
        self._workshop.sweep()

    def close(self) -> None:
        """Leave nothing unfinished of this process."""
        self._workshop.close()

    def folder(self, key: str) -> Path:
        """Where the result of that key is, or will be."""
        return Path(f"{self.root}/results/{key[:2]}/{key}")

    def all_keys(self) -> Iterator[str]:
        """All under which something stands, in order."""
        for group, name in self._names():
            if group == name[:2]:
                yield name

    def strays(self) -> Iterator[str]:
        """What lies among the results, and in nobody's place."""
        for group, name in self._names():
            if group != name[:2]:
                lies = self.root / "results" / group / name
                yield f"{lies}: expected in {self.folder(name).parent}"

    def _names(self) -> Iterator[tuple[str, str]]:
        """Whatever lies among the results: its folder and its name."""
        results = self.root / "results"
        for group in sorted(os.listdir(results)) if results.is_dir() else ():
            if (results / group).is_dir():
                yield from ((group, name) for name in sorted(os.listdir(results / group)))
            else:
                yield "", group

    def remove(self, key: str) -> bool:
        """Remove a result, whole; False where a process has it in hand."""
        with self.claims.held(key) as held:
            if held:
                self._set_aside(self.folder(key), keep=False)
            return held

    def look(self, key: str, files: bool = True, content: bool = False) -> Look:
        """What stands under a key. With `files` the result's files are held against their stamps,
        with `content` every byte of them.
        """
        folder = os.fspath(self.folder(key))
        try:
            record = read(f"{folder}/{RECORD}", EditRecord)
        except Unusable as error:
            return Look(key, None, f"{folder}/{RECORD}: {error}", error.kind)
        if record is None:
            missing = Look(key, None, f"{folder}/{RECORD}: it is missing", "damaged")
            return missing if os.path.lexists(folder) else Look(key)
        if record.key != key:
            return Look(key, None, f"{folder}: it holds the result {record.key}", "misplaced")
        for name, wanted in record.files.items() if files or content else ():
            if problem := unlike(f"{folder}/{name}", wanted, content):
                if content:  # the next look, at size and time alone, is to find it too
                    touch(f"{folder}/{name}")
                return Look(key, None, f"{folder}/{name}: {problem}", "damaged")
        return Look(key, record)

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
        """Store a finished edit. False where another process was first and its result stays, which
        `replace` overrules.
        """
        tensors = {"z_trg": edited.z_trg}
        tensors |= {f"{STATE}{step:06}": z for step, z in states.items()}
        tensors |= {f"{CURVE}{name}": curve for name, curve in curves.items()}
        tensors = {name: tensor.clone(memory_format=WHOLE) for name, tensor in tensors.items()}
        folder = self._workshop.place(job.key)
        try:
            folder.mkdir()
            files = {
                IMAGE: write(folder / IMAGE, _png(edited.image)),
                TENSORS: write(folder / TENSORS, save(tensors)),
            }
            record = job.record("ok", "", environment, files, keep_every if states else 0)
            write(folder / RECORD, seal(record), flush=True)
            return self._publish(folder, job.key, replace)
        finally:
            _discard(folder)

    def put_failure(self, job: Job, status: Status, reason: str) -> bool:
        """Store why there is no edit. False where there is one."""
        folder = self._workshop.place(job.key)
        try:
            folder.mkdir()
            (folder / RECORD).write_bytes(seal(job.record(status, reason)))
            return self._publish(folder, job.key, replace=False)
        finally:
            _discard(folder)

    def image(self, key: str) -> Image:
        return from_png(self.folder(key) / IMAGE)

    def z_trg(self, key: str) -> Latent:
        return self._tensors(key)["z_trg"].unsqueeze(0)

    def trace(self, key: str) -> Trace:
        """Curves of one value, or one vector, per step."""
        found = self._tensors(key).items()
        return Trace({n.removeprefix(CURVE): c for n, c in found if n.startswith(CURVE)})

    def states(self, key: str) -> dict[int, Tensor]:
        """z_trg along the steps of an edit, in order; empty where none were kept."""
        found = sorted(self._tensors(key).items())
        return {int(n.removeprefix(STATE)): z for n, z in found if n.startswith(STATE)}

    def z_src(self, name: str) -> Tensor | None:
        """The latent [C, H, W] of a source (`Job.source_name`); None where it is missing or
        damaged.
        """
        with suppress(OSError, SafetensorError, KeyError):
            content = self._source(name).read_bytes()
            if hashlib.sha256(content[64:]).hexdigest().encode() == content[:64]:
                return load(content[64:])["z_src"]
        return None

    def put_z_src(self, name: str, z_src: Tensor, replace: bool = False) -> None:
        """Keep the latent of a source, unless it is there."""
        if replace or not self._source(name).exists():
            body = save({"z_src": z_src.contiguous()})
            self.numbers.write(self._source(name), hashlib.sha256(body).hexdigest().encode() + body)

    def _tensors(self, key: str) -> dict[str, Tensor]:
        return load((self.folder(key) / TENSORS).read_bytes())

    def _source(self, name: str) -> Path:
        return self.root / "sources" / name[:2] / name

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
            there = self.look(key)
            if there.status == "ok" and not replace:
                return False
            self._set_aside(final, keep=there.record is None)

    def _set_aside(self, path: Path, keep: bool) -> None:
        """Out of the way: to be kept where nobody knows what it is, else to be removed."""
        away = self._workshop.place(path.name)
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
    """What was not published."""
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
