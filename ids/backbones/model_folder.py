"""A diffusers folder, inspected before the first edit: complete, finite, and Stable Diffusion 1.x
or 2.x, or refused by name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ids.backbones.clip_tokenizer import check_vocabulary
from ids.backbones.model_kind import SDXL, another_kind, check_kind, kind_of_pipeline
from ids.backbones.networks import CLASSES, canonical_name, empty_network, fill_network
from ids.backbones.noise_schedule import check_scheduler
from ids.core.errors import WeightsError
from ids.core.weight_files import (
    VOCABULARY,
    Header,
    Stamp,
    check_finite,
    differences,
    digest_of,
    headers_in,
    read_json,
    stamp,
    tensors_in,
)

NETWORKS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
NETWORKS |= {"text_encoder": "model"}  # part -> stem of its weight files
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
INDEX = "model_index.json"
REMEDY = "give a local diffusers folder as backbone.path, or point HF_HOME at a cache that holds it"


@dataclass(frozen=True)
class Weights:
    """The files of a network's tensors: one, or the shards in an index."""

    files: tuple[Path, ...]
    index: Path | None = None


@dataclass(frozen=True)
class ModelFolder:
    """A folder with the parts of Stable Diffusion 1.x or 2.x. Every method raises `WeightsError`
    for a folder that is incomplete, damaged or of another model; none runs code or pickles from it.
    """

    folder: Path

    def check(self) -> None:
        """Check configurations, names and shapes of all tensors, and their values. The folder is
        checked again after a file has been added, removed or changed.
        """
        files = sorted(path for path in self.folder.glob("*/*") if path.is_file())
        index = [path for path in self.folder.glob(INDEX) if path.is_file()]
        names = sorted(path.name for path in self.folder.iterdir())
        _check(self, *names, *map(stamp, (*index, *files)))

    def check_whole(self) -> None:
        """As `check`, reading everything."""
        self.check_parts()
        for file in sorted([*self.folder.glob(INDEX), *self.folder.glob("*/*config.json")]):
            read_json(
                file, self._named(file)
            )  # also those that are not used: none may ask for code
        configs = {part: self.config(part) for part in NETWORKS}
        if (self.folder / "text_encoder_2").is_dir():
            raise another_kind(f"backbone {self.folder}", SDXL, "it has text_encoder_2")
        check_kind(f"backbone {self.folder}", configs)
        check_scheduler(self.config("scheduler"), self.where("scheduler"))
        vocabulary = configs["text_encoder"]["vocab_size"]
        check_vocabulary(self.folder / "tokenizer", vocabulary, f"backbone {self.folder}")
        for part in NETWORKS:
            self.check_tensors(part)
        self.check_values()

    def check_parts(self) -> None:
        """All parts and their weight files exist. Only an index of shards is read."""
        missing = [part for part in PARTS if not (self.folder / part).is_dir()]
        if missing:
            kind = kind_of_pipeline(self._index())
            raise WeightsError(
                f"backbone.path: expected the folders {', '.join(PARTS)} in {self.folder}"
                f"{f', which holds {kind}' if kind else ''}; missing: {', '.join(missing)}; "
                f"{REMEDY}"
            )
        for part in NETWORKS:
            self.weights(part)

    def check_tensors(self, part: str) -> None:
        """The files contain exactly the tensors of the architecture, in their shapes."""
        network = empty_network(part, self.config(part), self.where(part))
        wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {n: h for n, (_, _, h) in self._headers(part, wanted).items()}
        where = f"backbone {self.folder}: {part}"
        if fault := differences(wanted, {name: header.shape for name, header in found.items()}):
            raise WeightsError(
                f"{where}: expected the tensors of the {CLASSES[part]} in its config.json; "
                f"{fault}; download the folder again, or convert it again"
            )
        odd = [f"{name} in {h.dtype}" for name, h in found.items() if "F" not in h.dtype]
        if odd:
            raise WeightsError(
                f"{where}: expected floating-point weights; got {odd[0]} ({len(odd)} such tensors);"
                " take weights that are not quantized"
            )

    def check_values(self) -> None:
        """No weight is NaN or infinite. Every file is read once."""
        for part in NETWORKS:
            for file in self.weights(part).files:
                check_finite(file, self._named(file))

    def config(self, part: str) -> dict[str, Any]:
        """The part's configuration as plain data."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        file = self.folder / part / name
        found = read_json(file, self._named(file))
        if part == "text_encoder" and isinstance(found.get("text_config"), dict):
            return dict(found["text_config"])  # of a complete CLIP
        return found

    def where(self, part: str) -> str:
        """The part's configuration in messages."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        return f"backbone {self.folder}: {part}/{name}"

    def weights(self, part: str) -> Weights:
        """The weights in full precision, else in half precision; safetensors only."""
        folder, stem = self.folder / part, NETWORKS[part]
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
                    return Weights(self._shards(folder / index), folder / index)
        raise WeightsError(self._no_weights(part))

    def network(self, part: str, dtype: torch.dtype) -> nn.Module:
        """The network with all tensors of the files, frozen, on the CPU."""
        network = empty_network(part, self.config(part), self.where(part))
        tensors = self._tensors(part, network.state_dict())
        return fill_network(network, tensors, dtype, f"backbone {self.folder}: {part}")

    def digest(self) -> str:
        """SHA-256, in 16 hexadecimal digits, of everything that results depend on: configurations,
        weights, vocabulary.
        """
        total = hashlib.sha256()
        for part in PARTS:
            for file in sorted(self._deciding(part), key=lambda file: file.name):
                total.update(f"{part}/{file.name}={digest_of(file)}\n".encode())
        return total.hexdigest()[:16]

    def _deciding(self, part: str) -> list[Path]:
        folder = self.folder / part
        if part == "tokenizer":
            return [folder / name for name in VOCABULARY if (folder / name).is_file()]
        if part == "scheduler":
            return [folder / "scheduler_config.json"]
        weights = self.weights(part)
        return [folder / "config.json", *weights.files, *filter(None, [weights.index])]

    def _headers(
        self, part: str, wanted: Mapping[str, object]
    ) -> dict[str, tuple[Path, str, Header]]:
        """The network's name -> file, name in it, and header."""
        found: dict[str, tuple[Path, str, Header]] = {}
        for file in self.weights(part).files:
            for stored, header in headers_in(file, self._named(file)).items():
                if name := canonical_name(part, stored, wanted):
                    again = name in found  # twice, under an old name and a new one, or in two files
                    found[f"{stored} (again)" if again else name] = (file, stored, header)
        return found

    def _tensors(self, part: str, wanted: Mapping[str, object]) -> Iterator[tuple[str, Tensor]]:
        """The tensors that the network uses, under its names."""
        headers = self._headers(part, wanted)
        ours = {(file, stored): name for name, (file, stored, _) in headers.items()}
        for file in self.weights(part).files:
            for stored, tensor in tensors_in(file, self._named(file)):
                if name := ours.get((file, stored)):
                    yield name, tensor

    def _shards(self, index: Path) -> tuple[Path, ...]:
        where, shards = self._named(index), read_json(index, self._named(index)).get("weight_map")
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

    def _no_weights(self, part: str) -> str:
        folder, stem = self.folder / part, NETWORKS[part]
        expected = f"{part}: expected {stem}.safetensors in {folder}"
        pickles = sorted([*folder.glob("*.bin"), *folder.glob("*.ckpt"), *folder.glob("*.pt")])
        if not pickles:
            return f"backbone {expected}; found none; {REMEDY}"
        library = "transformers" if part == "text_encoder" else "diffusers"
        name = CLASSES[part]
        return (
            f"backbone {expected}; found only {pickles[0].name}, a pickle, which is never read; "
            "if you trust it, convert it once: "
            f'python -c "from {library} import {name} as M; '
            f"M.from_pretrained('{folder}', use_safetensors=False).save_pretrained('{folder}')\""
        )

    def _index(self) -> Mapping[str, Any]:
        file = self.folder / INDEX
        return read_json(file, self._named(file)) if file.is_file() else {}

    def _named(self, file: Path) -> str:
        return f"backbone {self.folder}: {file.relative_to(self.folder)}"


@cache
def _check(folder: ModelFolder, *seen: str | Stamp) -> None:
    """Once per state of the folder's files; an error is not cached."""
    folder.check_whole()
