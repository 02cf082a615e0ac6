"""A folder of recorded numbers as cases, edits, and what the released code computed of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import torch
from PIL import Image as PIL
from safetensors.torch import load_file
from torch import Tensor

from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.protocols import Dataset, Metric, Models
from ids.core.records import EditCase, Edited
from ids.core.weight_files import one_line
from ids.data import image_of
from ids.data.pie_table import TABLE
from ids.data.run_lengths import SIDE
from ids.data.strips import last_square
from ids.run.in_memory import with_images
from metric_replay.lines import Line, Tolerance, number_line

Stack = Literal["reference", "current"]
STACKS: tuple[Stack, ...] = get_args(Stack)
NO_LATENT = torch.zeros(1, 1, 1)


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

    def column(self, stack: str, name: str) -> Any:
        """The number in the released table; None where none is recorded."""
        return self.recorded.get(stack, {}).get(name)


@dataclass(frozen=True)
class Folder:
    """Pairs in the order of their index, and the files beside them; `faults` has, by id, why a pair
    cannot be compared.
    """

    root: Path
    pairs: Sequence[Pair]
    recorded: Mapping[str, Any]  # `expected.json`
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Pair:
        """The pair of index 0, of which more is recorded. `LookupError` where it is missing."""
        found = next((pair for pair in self.pairs if pair.index == 0), None)
        if found is None:
            raise LookupError("the pair of index 0 cannot be compared")
        return found

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
        pairs, faults = [], {}
        for index, name in enumerate(masks["mapping"]):
            try:
                case = with_images(dataset[index])
                target = pictures / masks["files"][name]["target_path"]
                entry = recorded["pairs"][name]
                pairs.append(Pair(name, int(entry["index"]), case, _edited(target), entry))
            except Exception as error:  # any fault of a pair, which costs itself
                faults[name] = f"{type(error).__name__}: {one_line(error)}"
        yield Folder(root, sorted(pairs, key=lambda pair: pair.index), recorded, faults)


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


def column_lines(
    folder: Folder, stack: Stack, column: str, metric: Metric, tolerance: Tolerance, models: Models
) -> Iterator[Line]:
    """A line per pair: what the metric finds, and the column of the released table."""
    found = metric(folder.cases, folder.edits, models)
    for pair, value in zip(folder.pairs, found, strict=True):
        recorded = pair.column(stack, column)
        yield number_line(pair.name(stack, column), value, recorded, tolerance)


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
