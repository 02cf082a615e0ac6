"""Masks and pictures, PSNR, MSE, SSIM and LPIPS of PIE-Bench's evaluation."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from ids.core.protocols import Metric, Models
from ids.core.weight_files import digest_of
from ids.images import to_array
from ids.metrics import PieLPIPS
from ids.metrics.pie.lpips import layers_of
from ids.metrics.pie.parts import Part, Stack, parts_of
from ids.metrics.ssim import ssim_map
from ids.run.session import LoadedModels
from metric_replay.folder import STACKS, Folder, Pair, build_metrics, column_lines
from metric_replay.lines import Line, Tolerance, exact_line, guarded, tensor_line

BACKBONE, HEADS = "squeezenet1_1.pth", "lpips_squeeze_heads.safetensors"
PARTS = ("", "_unedit_part", "_edit_part")
PARTS_OF_LAYERS: dict[str, Part] = {
    "lpips_layers_whole": "whole",
    "lpips_layers_unedit": "unedit_part",
}
BY_STACK = ("ssim", "lpips")  # whose numbers depend on the versions of packages
TOLERANCES = {
    "psnr": Tolerance(absolute=1e-3),
    "mse": Tolerance(relative=1e-5),
    "ssim": Tolerance(absolute=2e-4),
    "lpips": Tolerance(absolute=1e-6, relative=1e-4),
}
PIXEL_OF_SSIM = Tolerance(absolute=1e-3)  # float32 cancellation in flat areas


def pixels(folder: Folder) -> Iterator[Line]:
    """Masks, pictures and the four metrics, in both stacks."""
    models = LoadedModels(torch.device("cpu"))
    for pair in folder.pairs:
        yield from guarded(pair.name("checks", "inputs"), input_lines(pair))
    for stack in STACKS:
        yield from guarded(f"{stack}/pixels", _stack_lines(folder, stack, models))
    yield from guarded("weights/heads", _head_lines(folder, models))
    yield from guarded("reference/ssim_rows", _row_lines(folder))


def _stack_lines(folder: Folder, stack: Stack, models: Models) -> Iterator[Line]:
    metrics = pixel_metrics(folder, stack)
    yield from metric_lines(folder, stack, metrics, models)
    for pair in folder.pairs:
        lines = _layer_lines(pair, stack, metrics["lpips"], models)
        yield from guarded(pair.name(stack, "lpips_layers"), lines)


def metric_lines(
    folder: Folder, stack: Stack, metrics: Mapping[str, Metric], models: Models
) -> Iterator[Line]:
    """A line per pair and metric; `metrics` by column of the released table."""
    for column, metric in metrics.items():
        tolerance = TOLERANCES[column.split("_")[0]]
        lines = column_lines(folder, stack, column, metric, tolerance, models)
        yield from guarded(f"{stack}/{column}", lines)


def pixel_metrics(folder: Folder, stack: Stack) -> dict[str, Metric]:
    """Column of the released table -> the metric of option `pie_COLUMN`."""
    file = folder.weights(BACKBONE)
    digest = digest_of(file) if file.is_file() else None  # its name has no hash
    weights = {"backbone": file, "sha256": digest}
    wanted: dict[str, tuple[str, dict[str, Any]]] = {}
    for metric in TOLERANCES:
        fields: dict[str, Any] = {"stack": stack} if metric in BY_STACK else {}
        fields |= weights if metric == "lpips" else {}
        wanted |= {f"{metric}{part}": (f"pie_{metric}{part}", fields) for part in PARTS}
    return build_metrics(wanted)


def input_lines(pair: Pair) -> Iterator[Line]:
    """Prompts, the decoded mask, the source, the target after its crop, the target's edited part in
    8 bits: exact.
    """
    recorded = pair.recorded["checks"]
    assert pair.case.mask is not None
    mask = pair.case.mask.load()
    arrays = {
        "mask_sha256_uint8": mask[0].to(torch.uint8).numpy(),
        "source_sha256": to_array(pair.case.source.load()),
        "target_sha256": to_array(pair.edited.image),
        "clip_masked_target_sha256": to_array(pair.edited.image * mask),
    }
    for what, array in arrays.items():
        yield exact_line(pair.name("checks", what), _sha256(array), recorded[what])
    prompts = [pair.case.prompt_src, pair.case.prompt_trg]
    yield exact_line(pair.name("checks", "prompts"), prompts, pair.recorded["prompts"])
    yield exact_line(pair.name("checks", "mask_sum"), int(mask[0].sum()), recorded["mask_sum"])


def _layer_lines(pair: Pair, stack: Stack, metric: Metric, models: Models) -> Iterator[Line]:
    """What each layer adds to LPIPS."""
    assert isinstance(metric, PieLPIPS)
    network = metric.load(models)
    for what, part in PARTS_OF_LAYERS.items():
        (images,) = parts_of([pair.case], [pair.edited], part)
        recorded = pair.recorded["checks_by_stack"][stack].get(what)
        if images is not None and recorded is not None:
            x, y = (image.unsqueeze(0) for image in images)
            (found,) = layers_of(network, x, y, stack)
            name = pair.name(stack, what)
            yield tensor_line(name, found, torch.tensor(recorded), TOLERANCES["lpips"])


def _row_lines(folder: Folder) -> Iterator[Line]:
    """Rows of the SSIM map of the first pair, before the crop; none where its part is empty."""
    pair = folder.first
    (images,) = parts_of([pair.case], [pair.edited], "unedit_part")
    if images is None:
        return
    similarity = ssim_map(*images, clamped=False)
    for row in (0, 256):
        recorded = folder.tensors.get(f"{pair.index}.ssim_unedit_row{row}_channel0")
        if recorded is not None:
            name = pair.name("reference", f"ssim_unedit_row{row}")
            yield tensor_line(name, similarity[0, row], recorded, PIXEL_OF_SSIM)


def _head_lines(folder: Folder, models: Models) -> Iterator[Line]:
    """The heads of the `lpips` package are those of the recording."""
    metric = pixel_metrics(folder, STACKS[0])["lpips"]
    assert isinstance(metric, PieLPIPS)
    heads = metric.load(models).lins
    recorded = load_file(folder.weights(HEADS))
    for index, head in enumerate(heads):
        weight = head.model[-1].weight.flatten()
        yield tensor_line(f"weights/head{index}", weight, recorded[f"head{index}"], Tolerance())


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
