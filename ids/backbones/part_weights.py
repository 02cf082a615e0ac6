"""The weight files of one part of a diffusers folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import WeightsError
from ids.core.weight_files import read_json

REMEDY = "give a local diffusers folder as backbone.path, or point HF_HOME at a cache that holds it"


@dataclass(frozen=True)
class Weights:
    """The files of a network's tensors: one, or the shards in an index."""

    files: tuple[Path, ...]
    index: Path | None = None


def find_weights(folder: Path, where: str, stem: str, kind: str) -> Weights:
    """The weights in full precision, else in half precision; safetensors only. `where` names the
    part, `stem` its files, `kind` its class. `WeightsError` where files are missing.
    """
    for whole, *indices in (
        (f"{stem}.safetensors", f"{stem}.safetensors.index.json"),
        (
            f"{stem}.fp16.safetensors",
            f"{stem}.safetensors.index.fp16.json",
            f"{stem}.fp16.safetensors.index.json",
        ),
    ):
        if (folder / whole).is_file():
            return Weights((folder / whole,))
        for index in indices:
            if (folder / index).is_file():
                return Weights(_shards(folder / index, f"{where}/{index}"), folder / index)
    raise WeightsError(_no_weights(folder, stem, kind))


def _shards(index: Path, where: str) -> tuple[Path, ...]:
    shards = read_json(index, where).get("weight_map")
    names = sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else []
    if not names or any(Path(name).name != name for name in names):
        raise WeightsError(
            f"{where}: expected a weight_map that names files beside it; got "
            f"{json.dumps(names or shards)[:80]}; download it again"
        )
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise WeightsError(
            f"{where}: expected {len(names)} shards beside it; {len(missing)} missing: "
            f"{', '.join(missing[:3])}; download the folder again"
        )
    return tuple(index.parent / name for name in names)


def _no_weights(folder: Path, stem: str, kind: str) -> str:
    expected = f"{folder.name}: expected {stem}.safetensors in {folder}"
    pickles = sorted([*folder.glob("*.bin"), *folder.glob("*.ckpt"), *folder.glob("*.pt")])
    if not pickles:
        return f"backbone {expected}; found none; {REMEDY}"
    library = "transformers" if stem == "model" else "diffusers"
    return (
        f"backbone {expected}; found only {pickles[0].name}, a pickle, which is never read; "
        "if you trust it, convert it once: "
        f'python -c "from {library} import {kind} as M; '
        f"M.from_pretrained('{folder}', use_safetensors=False).save_pretrained('{folder}')\""
    )
