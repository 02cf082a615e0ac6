"""Results on disk, named by what was asked. A result is whole or absent, whatever happens.

results/<key[:2]>/<key>/           job.json  edit.png  latents.safetensors  trace.jsonl  env.json
                                   states.safetensors  metrics.json  metrics_along.json
measurements/<engine>/<key>.json
mirrored/<logger>-<setting>.json   what each logger has been told
partial/                           left by killed processes; may be deleted at any time
"""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PIL
from safetensors.torch import load_file, save_file
from torch import Tensor

from ids.core.records import Edited, Measurement, Trace
from ids.core.tensors import Image, eight_bit
from ids.run.job import Job


@dataclass(frozen=True)
class Record:
    """A stored result without its tensors."""

    key: str
    folder: Path
    job: Mapping[str, Any]
    metrics: Mapping[str, float]

    @property
    def status(self) -> str:
        return str(self.job["status"])

    @property
    def picture(self) -> Path:
        return self.folder / "edit.png"


@dataclass(frozen=True)
class Store:
    """All results below `root`. Safe against kill -9, and against several processes writing at
    once.
    """

    root: Path

    def status(self, key: str) -> str | None:
        """`ok`, `failed`, `unsupported`, or None where there is no result yet."""
        path = self._folder(key) / "job.json"
        return str(json.loads(path.read_text())["status"]) if path.exists() else None

    def put(
        self,
        job: Job,
        edited: Edited,
        trace: Mapping[str, Tensor],
        states: Mapping[int, Tensor],
        env: Mapping[str, Any],
    ) -> None:
        with self._new(job.key) as folder:
            to_pil(edited.image).save(folder / "edit.png")
            save_file(
                {"z_src": edited.z_src.contiguous(), "z_trg": edited.z_trg.contiguous()},
                folder / "latents.safetensors",
            )
            if states:
                z_trg = {f"{step:06}": z.contiguous() for step, z in states.items()}
                save_file(z_trg, folder / "states.safetensors")
            (folder / "trace.jsonl").write_text(_trace_lines(trace))
            (folder / "env.json").write_text(json.dumps(env, indent=1))
            (folder / "job.json").write_text(
                json.dumps({**job.describe(), "status": "ok"}, indent=1)
            )

    def put_failure(self, job: Job, status: str, reason: str) -> None:
        with self._new(job.key) as folder:
            description = {**job.describe(), "status": status, "reason": reason}
            (folder / "job.json").write_text(json.dumps(description, indent=1))

    def edited(self, key: str) -> Edited:
        folder = self._folder(key)
        latents = load_file(folder / "latents.safetensors")
        return Edited(from_png(folder / "edit.png"), latents["z_src"], latents["z_trg"])

    def trace(self, key: str) -> Trace:
        path = self._folder(key) / "trace.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return Trace(
            {
                name: torch.tensor([line[name] for line in lines])
                for name in (lines[0] if lines else {})
            }
        )

    def has_states(self, key: str) -> bool:
        return (self._folder(key) / "states.safetensors").exists()

    def states(self, key: str) -> dict[int, Tensor]:
        """z_trg along the steps of an edit, in order; empty where none were kept."""
        path = self._folder(key) / "states.safetensors"
        found = load_file(path) if self.has_states(key) else {}
        return {int(step): found[step] for step in sorted(found)}

    def along(self, key: str) -> dict[str, list[float]]:
        """The metrics of those states: `step`, and a column per metric."""
        path = self._folder(key) / "metrics_along.json"
        return _read_columns(path.read_text()) if path.exists() else {}

    def add_along(self, key: str, columns: Mapping[str, Sequence[float]]) -> None:
        path = self._folder(key) / "metrics_along.json"
        _write_whole(path, _columns({**self.along(key), **columns}))

    def record(self, key: str) -> Record:
        folder = self._folder(key)
        metrics = folder / "metrics.json"
        values = _read_numbers(metrics.read_text()) if metrics.exists() else {}
        return Record(key, folder, json.loads((folder / "job.json").read_text()), values)

    def records(self) -> Iterator[Record]:
        for path in sorted((self.root / "results").glob("??/*/job.json")):
            yield self.record(path.parent.name)

    def add_metrics(self, key: str, values: Mapping[str, float]) -> None:
        path = self._folder(key) / "metrics.json"
        known = _read_numbers(path.read_text()) if path.exists() else {}
        _write_whole(path, _numbers({**known, **values}))

    def put_measurement(
        self, key: str, engine: str, description: Mapping[str, Any], taken: Measurement
    ) -> None:
        path = self.root / "measurements" / engine / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, _numbers({**asdict(taken), "engine": description}))

    def measurement(self, key: str, engine: str | None = None) -> Mapping[str, Any] | None:
        """The newest measurement of a job, on that engine or on any."""
        found = (self.root / "measurements").glob(f"{engine or '*'}/{key}.json")
        newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
        return _read_numbers(newest.read_text()) if newest else None

    def mirrored(self, setting: str, logger: str) -> set[str]:
        """Keys of the results that this logger has been told of."""
        path = self.root / "mirrored" / f"{logger}-{setting}.json"
        return set(json.loads(path.read_text())) if path.exists() else set()

    def mark_mirrored(self, setting: str, logger: str, keys: set[str]) -> None:
        path = self.root / "mirrored" / f"{logger}-{setting}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, json.dumps(sorted(keys | self.mirrored(setting, logger))))

    def _folder(self, key: str) -> Path:
        return self.root / "results" / key[:2] / key

    @contextmanager
    def _new(self, key: str) -> Iterator[Path]:
        """A folder that takes its final name only once it is complete."""
        final, workshop = self._folder(key), self.root / "partial"
        final.parent.mkdir(parents=True, exist_ok=True)
        workshop.mkdir(exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=workshop))
        try:
            yield partial
            for file in partial.iterdir():
                _flush(file)
            if final.exists():
                shutil.rmtree(final)
            with suppress(FileExistsError):
                partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def to_pil(image: Image) -> PIL.Image:
    return PIL.fromarray((eight_bit(image) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def from_png(path: Path) -> Image:
    with PIL.open(path) as picture:
        return (
            torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1).float()
            / 255
        )


def _trace_lines(curves: Mapping[str, Tensor]) -> str:
    if not curves:
        return ""
    columns = {name: values.tolist() for name, values in curves.items()}
    steps = range(len(next(iter(columns.values()))))
    return "".join(
        json.dumps({name: values[step] for name, values in columns.items()}) + "\n"
        for step in steps
    )


def _numbers(values: Mapping[str, Any]) -> str:
    """JSON knows no NaN: what is not defined is null."""
    undefined = {k for k, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
    return json.dumps({k: None if k in undefined else v for k, v in values.items()}, indent=1)


def _read_numbers(text: str) -> dict[str, Any]:
    return {k: math.nan if v is None else v for k, v in json.loads(text).items()}


def _columns(columns: Mapping[str, Sequence[float]]) -> str:
    known = {name: [v if math.isfinite(v) else None for v in c] for name, c in columns.items()}
    return json.dumps(known)


def _read_columns(text: str) -> dict[str, list[float]]:
    return {
        name: [math.nan if v is None else v for v in column]
        for name, column in json.loads(text).items()
    }


def _write_whole(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(name, path)


def _flush(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
