"""A folder of captures with their truth, and what of it was compared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Array = NDArray[Any]
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """`truth.json` and `truth.safetensors`. An array that is read counts as compared."""

    folder: Path
    content: Json
    arrays: Mapping[str, Array]
    _used: set[str] = field(default_factory=set)

    def array(self, name: str) -> Array:
        self._used.add(name)
        return self.arrays[name]

    def floats(self, name: str) -> NDArray[np.float64]:
        return self.array(name).astype(np.float64)

    def has(self, name: str) -> bool:
        return name in self.arrays

    def unused(self) -> list[str]:
        return sorted(set(self.arrays) - self._used)

    def formats(self) -> Iterator["Recorded"]:
        """Every format of every capture."""
        for name, capture in self.content["captures"].items():
            for format_name, entry in capture["formats"].items():
                yield Recorded(self, name, format_name, capture, entry)


@dataclass(frozen=True)
class Recorded:
    """One format of a capture."""

    truth: Truth
    capture: str
    format: str
    content: Json
    entry: Json

    @property
    def name(self) -> str:
        return f"{self.capture}/{self.format}"

    @property
    def path(self) -> Path:
        return self.truth.folder / str(self.entry["path"])

    @property
    def names(self) -> list[str]:
        return [image["name"] for image in self.content["images"]]

    @property
    def is_gaussians(self) -> bool:
        return "files" in self.entry

    def scene(self, name: str) -> NDArray[np.float64]:
        """An array of the capture, in the scene's frame."""
        return self.truth.floats(f"{self.capture}/{name}")

    def file(self, name: str) -> NDArray[np.float64]:
        """An array of the format, in the file's frame."""
        return self.truth.floats(f"{self.capture}/{self.format}/{name}")

    def to_scene(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the file's frame in the scene's."""
        to_file = self.entry["scene_to_file"]
        moved = (points - np.array(to_file["translation"])) / to_file["scale"]
        scene: NDArray[np.float64] = moved @ np.array(to_file["rotation"])
        return scene


def open_truth(folder: Path) -> Truth:
    content = json.loads((folder / "truth.json").read_text())
    return Truth(folder, content, load_file(folder / "truth.safetensors"))
