"""The DINO structure distance of PIE-Bench's evaluation, its keys and self-similarities."""

import json
from collections.abc import Iterator

import torch
from torch import Tensor

from ids.core.protocols import Metric, Models
from ids.metrics import PieStructureDistance
from ids.metrics.dino import self_similarity
from ids.metrics.pie.parts import Stack
from ids.run.session import LoadedModels
from metric_replay.folder import STACKS, Folder, build_metrics, column_lines
from metric_replay.lines import Line, Tolerance, guarded, tensor_line

WEIGHTS = "dino_vit_patch8"
COLUMNS = (
    "structure_distance",
    "structure_distance_unedit_part",
    "structure_distance_edit_part",
)
ROWS = (0, 1, 29, 392, 784)  # recorded of the matrix, where it is so long
DISTANCE = Tolerance(absolute=5e-7, relative=1e-3)
INPUT = Tolerance(1e-2)  # of values up to 940; coordinates of the filter are float32
KEYS, SIMILARITY = Tolerance(2e-4), Tolerance(2e-5)


def structure(folder: Folder) -> Iterator[Line]:
    """The distance of all parts in both stacks, and for the first pair what it is computed of."""
    models = LoadedModels(torch.device("cpu"))
    for stack in STACKS:
        yield from guarded(f"{stack}/distances", distance_lines(folder, stack, models))
        yield from guarded(f"{stack}/inner", inner_lines(folder, stack, models))


def distance_lines(folder: Folder, stack: Stack, models: Models) -> Iterator[Line]:
    """The distance of all parts."""
    for column, metric in _metrics(folder, stack).items():
        lines = column_lines(folder, stack, column, metric, DISTANCE, models)
        yield from guarded(f"{stack}/{column}", lines)


def inner_lines(folder: Folder, stack: Stack, models: Models) -> Iterator[Line]:
    """Input, keys and self-similarities of the first pair."""
    metric, pair = _metrics(folder, stack)[COLUMNS[0]], folder.first
    assert isinstance(metric, PieStructureDistance)
    dino, to_pixels = metric.load(models), metric.to_pixels
    for which, image in (("source", pair.case.source.load()), ("target", pair.edited.image)):
        x = to_pixels(image)
        keys = dino.keys(x.unsqueeze(0))
        similarities = self_similarity(keys)[0]
        rows = [row for row in ROWS if row < len(similarities)]
        found = {
            f"dino_input_{which}_rows0_3": (x[:, :4], INPUT),
            f"dino_keys_{which}": (_by_head(keys, metric.dino.heads), KEYS),
            f"dino_selfsim_{which}_rows": (similarities[rows], SIMILARITY),
            f"dino_selfsim_{which}_rowmean": (similarities.double().mean(1), SIMILARITY),
        }
        for what, (tensor, tolerance) in found.items():
            recorded = folder.tensors.get(f"{pair.index}.{stack}.{what}")
            if recorded is not None:
                yield tensor_line(pair.name(stack, what), tensor, recorded, tolerance)


def _metrics(folder: Folder, stack: Stack) -> dict[str, Metric]:
    shape = json.loads(folder.weights(f"{WEIGHTS}.json").read_text())
    fields = {
        "dino.weights": folder.weights(f"{WEIGHTS}.pth"),
        "dino.heads": shape["num_heads"],
        "stack": stack,
    }
    return build_metrics({column: (f"pie_{column}", fields) for column in COLUMNS})


def _by_head(keys: Tensor, heads: int) -> Tensor:
    """[heads, tokens, channels of a head]."""
    by_head: Tensor = keys[0].unflatten(1, (heads, -1)).transpose(0, 1)
    return by_head
