"""A folder of recorded numbers as cases, edits, and what the released code computed of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from PIL import Image as PIL
from safetensors.torch import load_file
from torch import Tensor

from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.protocols import Dataset, Metric
from ids.core.records import EditCase, Edited
from ids.data import image_of
from ids.data.pie_table import TABLE
from ids.data.run_lengths import SIDE
from ids.data.strips import last_square
from ids.metrics.pie.parts import Stack
from ids.run.external import NO_LATENT
from ids.run.in_memory import with_images

STACKS: tuple[Stack, ...] = get_args(Stack)


@dataclass(frozen=True)
class Pair:
    """A source and its edit. `recorded` is the entry of `expected.json`."""

    id: str
    index: int  # of the pair in `tensors.safetensors`
    case: EditCase
    edited: Edited
    recorded: Mapping[str, Any]

    def name(self, stack: str, what: str) -> str:
        """The name of a line: `100000000000/reference/psnr`."""
        return f"{self.id}/{stack}/{what}"


@dataclass(frozen=True)
class Folder:
    """Pairs in the order of their index, and the files beside them."""

    root: Path
    pairs: Sequence[Pair]
    recorded: Mapping[str, Any]  # `expected.json`

    @property
    def cases(self) -> list[EditCase]:
        """The case of each pair."""
        return [pair.case for pair in self.pairs]

    @property
    def edits(self) -> list[Edited]:
        """The edit of each pair."""
        return [pair.edited for pair in self.pairs]

    def weights(self, name: str) -> Path:
        """A file or folder of weights."""
        return self.root / "weights" / name

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Recorded tensors: `0.mask_bits`, `0.reference.clip_image_source`, ..."""
        return load_file(self.root / "tensors.safetensors")


@contextmanager
def open_folder(root: Path) -> Iterator[Folder]:
    """The folder. While it is open, a table in PIE-Bench's layout lies beside it."""
    recorded = json.loads((root / "expected.json").read_text())
    masks = json.loads((root / "masks.json").read_text())
    pictures = root / "pictures"
    with TemporaryDirectory() as place:
        (Path(place) / TABLE).write_text(json.dumps(masks["mapping"]))
        dataset = _build_dataset(place, pictures)
        pairs = []
        for index in range(len(dataset)):
            case = with_images(dataset[index])
            target = pictures / masks["files"][case.id]["target_path"]
            entry = recorded["pairs"][case.id]
            pairs.append(Pair(case.id, entry["index"], case, _edited(target), entry))
        yield Folder(root, sorted(pairs, key=lambda pair: pair.index), recorded)


def _build_dataset(place: str, pictures: Path) -> Dataset:
    """The data set that `ids run dataset=pie` builds."""
    fields = {"path": place, "images": pictures, "size": SIDE}
    words = [f"dataset.{name}={_word(value)}" for name, value in fields.items()]
    (setting,) = compose_all(["dataset=pie", *words])
    dataset = build(setting.values["dataset"], "dataset")
    assert isinstance(dataset, Dataset)
    return dataset


def build_metrics(
    wanted: Mapping[str, tuple[str, Mapping[str, Any]]],
    clip: tuple[str, Mapping[str, Any]] = ("null", {}),
) -> dict[str, Metric]:
    """The metrics that `ids run +metric@metrics.NAME=OPTION metrics.NAME.FIELD=VALUE` builds, by
    name; `wanted` has the option and the fields of each, `clip` those of their CLIP.
    """
    keys = {name: f"recorded_{name}" for name in wanted}  # beside the metrics of the default set
    words = [f"+metric@metrics.{keys[name]}={option}" for name, (option, _) in wanted.items()]
    for name, (_, fields) in wanted.items():
        words += [f"metrics.{keys[name]}.{k}={_word(value)}" for k, value in fields.items()]
    if clip[0] != "null":
        words += [f"clip={clip[0]}", *(f"clip.{k}={_word(value)}" for k, value in clip[1].items())]
    (setting,) = compose_all(words)
    nodes = setting.values["metrics"]
    found = {name: build(nodes[key], f"metrics.{key}") for name, key in keys.items()}
    assert all(isinstance(metric, Metric) for metric in found.values())
    return found


def _edited(target: Path) -> Edited:
    """An edit whose image was made elsewhere; it has no latents."""
    with PIL.open(target) as image:
        return Edited(image_of(last_square(image), SIDE).load(), NO_LATENT, NO_LATENT)


def _word(value: Any) -> str:
    """A value in the configuration language."""
    if value is None:
        return "null"
    if isinstance(value, str | Path):
        return "'" + str(value).replace("'", "\\'") + "'"
    return str(value)
