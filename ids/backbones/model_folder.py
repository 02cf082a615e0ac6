"""A diffusers folder, inspected before the first edit: complete, finite, and of a known kind, or
refused by name.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ids.backbones.layouts import STABLE_DIFFUSION, Layout
from ids.backbones.model_kind import CLIPS, kind_of_pipeline
from ids.backbones.networks import (
    TIED,
    canonical_name,
    empty_network,
    fill_network,
    tensor_shapes,
)
from ids.backbones.part_weights import REMEDY, Weights, find_weights
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

INDEX = "model_index.json"


@dataclass(frozen=True)
class ModelFolder:
    """A folder with the parts of a `layout`. Every method raises `WeightsError` for a folder that
    is incomplete, damaged or of another model; none runs code or pickles from it.
    """

    folder: Path
    layout: Layout = STABLE_DIFFUSION

    @property
    def networks(self) -> list[str]:
        """The parts that are networks, without optional ones that the folder lacks."""
        return [part for part in self.layout.networks if self._has(part)]

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
        configs = {part: self.config(part) for part in (*self.networks, "scheduler")}
        self.layout.check(self.folder, configs)
        for part in self.networks:
            self.check_tensors(part)
        self.check_values()

    def check_parts(self) -> None:
        """All parts and their weight files exist. Only an index of shards is read."""
        parts = [part for part in self.layout.parts if self._has(part)]
        missing = [part for part in parts if not (self.folder / part).is_dir()]
        if missing:
            kind = kind_of_pipeline(self._index())
            raise WeightsError(
                f"backbone.path: expected the folders {', '.join(parts)} in {self.folder}"
                f"{f', which holds {kind}' if kind else ''}; missing: {', '.join(missing)}; "
                f"{REMEDY}"
            )
        for part in self.networks:
            self.weights(part)

    def check_tensors(self, part: str) -> None:
        """The files contain exactly the tensors of the architecture, in their shapes."""
        wanted = tensor_shapes(self._empty(part))
        found = {n: h for n, (_, _, h) in self._headers(part, wanted).items()}
        where, kind = f"backbone {self.folder}: {part}", self.layout.networks[part]
        if fault := differences(wanted, {name: header.shape for name, header in found.items()}):
            raise WeightsError(
                f"{where}: expected the tensors of the {kind} in its config.json; {fault}; "
                "download the folder again, or convert it again"
            )
        odd = [f"{name} in {h.dtype}" for name, h in found.items() if "F" not in h.dtype]
        if odd:
            raise WeightsError(
                f"{where}: expected floating-point weights; got {odd[0]} ({len(odd)} such tensors);"
                " take weights that are not quantized"
            )

    def check_values(self) -> None:
        """No weight is NaN or infinite. Every file is read once."""
        for part in self.networks:
            for file in self.weights(part).files:
                check_finite(file, self._named(file))

    def config(self, part: str) -> dict[str, Any]:
        """The part's configuration as plain data."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        file = self.folder / part / name
        found = read_json(file, self._named(file))
        if part in CLIPS and isinstance(found.get("text_config"), dict):
            return dict(found["text_config"])  # of a complete CLIP
        return found

    def where(self, part: str) -> str:
        """The part's configuration in messages."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        return f"backbone {self.folder}: {part}/{name}"

    def weights(self, part: str) -> Weights:
        """The weights in full precision, else in half precision; safetensors only."""
        return find_weights(
            self.folder / part,
            f"backbone {self.folder}: {part}",
            self.layout.stem(part),
            self.layout.networks[part],
        )

    def network(self, part: str, dtype: torch.dtype) -> nn.Module:
        """The network with all tensors of the files, frozen, on the CPU."""
        network = self._empty(part)
        tensors = self._tensors(part, network.state_dict())
        return fill_network(network, tensors, dtype, f"backbone {self.folder}: {part}")

    def digest(self) -> str:
        """SHA-256, in 16 hexadecimal digits, of everything that results depend on: configurations,
        weights, vocabulary.
        """
        total = hashlib.sha256()
        for part in filter(self._has, self.layout.parts):
            for file in sorted(self._deciding(part), key=lambda file: file.name):
                total.update(f"{part}/{file.name}={digest_of(file)}\n".encode())
        return total.hexdigest()[:16]

    def _deciding(self, part: str) -> list[Path]:
        folder = self.folder / part
        if part in self.layout.tokenizers:
            return [folder / name for name in VOCABULARY if (folder / name).is_file()]
        if part == "scheduler":
            return [folder / "scheduler_config.json"]
        weights = self.weights(part)
        return [folder / "config.json", *weights.files, *filter(None, [weights.index])]

    def _has(self, part: str) -> bool:
        """Whether the folder has or should have a part."""
        return part not in self.layout.optional or (self.folder / part).is_dir()

    def _empty(self, part: str) -> nn.Module:
        return empty_network(self.layout.networks[part], self.config(part), self.where(part))

    def _headers(
        self, part: str, wanted: Mapping[str, object]
    ) -> dict[str, tuple[Path, str, Header]]:
        """The network's name -> file, name in it, and header."""
        found: dict[str, tuple[Path, str, Header]] = {}
        kind = self.layout.networks[part]
        for file in self.weights(part).files:
            for stored, header in headers_in(file, self._named(file)).items():
                if name := canonical_name(kind, stored, wanted):
                    if stored in TIED and name in found:
                        continue
                    # Twice: under an old name and a new one, or in two files.
                    again = name in found and found[name][1] not in TIED
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

    def _index(self) -> Mapping[str, Any]:
        file = self.folder / INDEX
        return read_json(file, self._named(file)) if file.is_file() else {}

    def _named(self, file: Path) -> str:
        return f"backbone {self.folder}: {file.relative_to(self.folder)}"


@cache
def _check(folder: ModelFolder, *seen: str | Stamp) -> None:
    """Once per state of the folder's files; an error is not cached."""
    folder.check_whole()
