"""The CLIP scores of PIE-Bench's evaluation and the similarities of InstructPix2Pix's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ids.core.protocols import Metric, Models
from ids.core.records import EditCase
from ids.metrics import InstructPix2PixSimilarity, PieClipSimilarity
from ids.metrics.clip_pixels import Unfiltered
from ids.metrics.clip_source import LoadedClip, cut_with_end, cut_without_end
from ids.metrics.feature_cache import AnyImage
from ids.metrics.pie.clip_similarity import TO_PIXELS
from ids.metrics.pie.parts import Stack
from ids.run.session import LoadedModels
from metric_replay.folder import STACKS, Folder, Pair, build_metrics, column_lines
from metric_replay.lines import Line, Tolerance, exact_line, guarded, number_line, tensor_line

TABLE = (
    "clip_similarity_source_image",
    "clip_similarity_target_image",
    "clip_similarity_target_image_edit_part",
)
SIMILARITIES = ("image", "direction", "0", "1")
RANGES = {"unit_range": "unit", "minus_one_to_one": "minus_one_to_one"}  # recorded name -> pixels
SCORE, COSINE, DIRECTION = Tolerance(1e-3), Tolerance(1e-5), Tolerance(1e-4)
STILL, NOISE = 0.02, Tolerance(2e-2)  # a shorter difference of images has a direction of rounding
FEATURE = Tolerance(absolute=1e-4, relative=1e-4)
PIXEL = Tolerance(1e-5)


@dataclass(frozen=True)
class Square:
    """The input of a network without its normalization."""

    side: int

    def normalize(self, image: AnyImage) -> AnyImage:
        """Unchanged."""
        return image


def clip(folder: Folder) -> Iterator[Line]:
    """The scores of both projects, in both stacks and input ranges; tokens and features."""
    models = LoadedModels(torch.device("cpu"))
    for stack in STACKS:
        yield from guarded(f"{stack}/clip_table", table_lines(folder, stack, models))
        for recorded in RANGES:
            lines = range_lines(folder, stack, recorded, models)
            yield from guarded(f"{stack}/{recorded}", lines)
    yield from guarded("long_prompt", long_prompt_lines(folder, models))


def table_metrics(folder: Folder, stack: Stack) -> dict[str, Metric]:
    """Column of the released table -> the metric of option `pie_COLUMN`."""
    wanted: dict[str, tuple[str, Mapping[str, Any]]]
    wanted = {column: (f"pie_{column}", {"stack": stack}) for column in TABLE}
    return build_metrics(wanted, ("hf_vit_l14", {"path": folder.weights("clip_hf")}))


def similarities(folder: Folder, pixels: str) -> dict[str, Metric]:
    """`sim_image`, ... -> the metric of option `ip2p_sim_image`, ..."""
    openai = folder.weights("clip_openai")
    files = {"checkpoint": openai / "state_dict.pt", "vocabulary": openai / "bpe_vocab.txt.gz"}
    wanted: dict[str, tuple[str, Mapping[str, Any]]]
    wanted = {f"sim_{s}": (f"ip2p_sim_{s}", {"pixels": pixels}) for s in SIMILARITIES}
    return build_metrics(wanted, ("openai_file", files))


def table_lines(folder: Folder, stack: Stack, models: Models) -> Iterator[Line]:
    """The three scores, token ids, input and features."""
    metrics = table_metrics(folder, stack)
    for column, metric in metrics.items():
        lines = column_lines(folder, stack, column, metric, SCORE, models)
        yield from guarded(f"{stack}/{column}", lines)
    first = metrics[TABLE[0]]
    assert isinstance(first, PieClipSimilarity)
    loaded = first.load(models)
    for pair in folder.pairs:
        features = _feature_lines(folder, pair, stack, loaded)
        yield from guarded(pair.name(stack, "clip_features"), features)
        tokens = _token_lines(pair, stack, loaded)
        yield from guarded(pair.name(stack, "clip_token_ids"), tokens)


def _token_lines(pair: Pair, stack: Stack, loaded: LoadedClip) -> Iterator[Line]:
    for which, prompt in _prompts(pair.case).items():
        ids = loaded.network.token_ids(prompt)
        recorded = pair.recorded["checks"][f"clip_token_ids_{which}"]
        yield exact_line(pair.name(stack, f"clip_token_ids_{which}"), ids, recorded)


@torch.no_grad()
def _feature_lines(folder: Folder, pair: Pair, stack: Stack, loaded: LoadedClip) -> Iterator[Line]:
    """Projected features, not of unit length, and the first rows of the network's input."""
    network = loaded.network
    for which, image in _images(pair).items():
        pixels = TO_PIXELS[stack](network, image)
        features = network.image_features(pixels.unsqueeze(0))[0]
        found = {
            f"clip_image_{which}": (features, FEATURE),
            f"clip_pixels_{which}_rows0_3": (pixels[:, :4], PIXEL),
        }
        for what, (tensor, tolerance) in found.items():
            recorded = folder.tensors.get(f"{pair.index}.{stack}.{what}")
            if recorded is not None:
                yield tensor_line(pair.name(stack, what), tensor, recorded, tolerance)
    for which, prompt in _prompts(pair.case).items():
        features = network.text_features(cut_without_end(network, [prompt]))[0]
        recorded = folder.tensors.get(f"{pair.index}.{stack}.clip_text_{which}")
        if recorded is not None:
            yield tensor_line(pair.name(stack, f"clip_text_{which}"), features, recorded, FEATURE)


def range_lines(folder: Folder, stack: Stack, recorded: str, models: Models) -> Iterator[Line]:
    """The four similarities of images in one range."""
    metrics = similarities(folder, RANGES[recorded])
    yield from similarity_lines(folder, stack, recorded, metrics, models)


def similarity_lines(
    folder: Folder, stack: Stack, recorded: str, metrics: Mapping[str, Metric], models: Models
) -> Iterator[Line]:
    """The four similarities; once, token ids and features too."""
    for name, metric in metrics.items():
        found = metric(folder.cases, folder.edits, models)
        for pair, value in zip(folder.pairs, found, strict=True):
            what = f"{recorded}/{name}"
            lines = _similarity_lines(pair, stack, what, value)
            yield from guarded(pair.name(stack, what), lines)
    if recorded == "unit_range" and stack == STACKS[0]:  # recorded once
        yield from _unit_feature_lines(folder, metrics["sim_image"], models)


def _similarity_lines(pair: Pair, stack: Stack, what: str, value: float) -> Iterator[Line]:
    recorded, _, name = what.partition("/")
    numbers = pair.recorded["clip_similarity"][stack][recorded]
    tolerance = _tolerance(name, numbers["sim_image"])
    yield number_line(pair.name(stack, what), value, numbers.get(name), tolerance)


def _tolerance(name: str, sim_image: float) -> Tolerance:
    """The difference of two features of unit length is as long as their cosine decides."""
    if name != "sim_direction":
        return COSINE
    return DIRECTION if 2 - 2 * sim_image > STILL**2 else NOISE


def _unit_feature_lines(folder: Folder, metric: Metric, models: Models) -> Iterator[Line]:
    assert isinstance(metric, InstructPix2PixSimilarity)
    loaded = metric.load(models)
    for pair in folder.pairs:
        lines = _unit_features_of(folder, pair, loaded)
        yield from guarded(pair.name("ip2p", "features"), lines)


def _unit_features_of(folder: Folder, pair: Pair, loaded: LoadedClip) -> Iterator[Line]:
    to_pixels = Unfiltered("unit")
    images, prompts = _images(pair), _prompts(pair.case)
    found = {
        f"ip2p_{kind}_{which}": features
        for which in prompts
        for kind, features in (
            ("image", loaded.images([images[which]], to_pixels)[0]),
            ("text", loaded.texts([prompts[which]], cut_with_end)[0]),
        )
    }
    side = loaded.network.side
    found["ip2p_resized_source_rows0_3"] = to_pixels(Square(side), images["source"])[:, :4]
    for what, tensor in found.items():
        recorded = folder.tensors.get(f"{pair.index}.{what}")
        if recorded is not None:
            yield tensor_line(pair.name("ip2p", what), tensor, recorded, COSINE)
    ids = [_ids(loaded, prompt) for prompt in prompts.values()]
    recorded_ids = pair.recorded["clip_similarity"]["token_ids"]
    yield exact_line(pair.name("ip2p", "token_ids"), ids, recorded_ids)


def long_prompt_lines(folder: Folder, models: Models) -> Iterator[Line]:
    """A prompt over the context, in place of a prompt of the first pair."""
    recorded = folder.recorded["long_prompt"]
    pair, prompt = folder.first, recorded["prompt"]
    metrics = similarities(folder, "unit")
    for name, metric in metrics.items():
        (value,) = metric([replace(pair.case, prompt_trg=prompt)], [pair.edited], models)
        numbers = recorded["clip_similarity_as_target_prompt"]
        tolerance = _tolerance(name, numbers["sim_image"])
        yield number_line(f"long_prompt/{name}", value, numbers.get(name), tolerance)
    first = metrics["sim_image"]
    assert isinstance(first, InstructPix2PixSimilarity)
    loaded = first.load(models)
    for what, found in (
        ("clip_similarity_token_ids", _ids(loaded, prompt)),
        ("untruncated_tokens", len(loaded.network.token_ids(prompt))),
    ):
        yield exact_line(f"long_prompt/{what}", found, recorded[what])
    table = table_metrics(folder, "reference")[TABLE[0]]
    (value,) = table([replace(pair.case, prompt_src=prompt)], [pair.edited], models)
    wanted = recorded["table_clip_source_image"]
    yield number_line("long_prompt/table_clip_source_image", value, wanted, SCORE)


def _ids(loaded: LoadedClip, prompt: str) -> list[int]:
    """As the network gets them, without the padding behind the end token."""
    row: Sequence[int] = cut_with_end(loaded.network, [prompt])[0].tolist()
    end = loaded.network.token_ids(prompt)[-1]
    return [*row[: row.index(end)], end]


def _images(pair: Pair) -> dict[str, AnyImage]:
    assert pair.case.mask is not None
    target = pair.edited.image
    masked = target * pair.case.mask.load()
    return {"source": pair.case.source.load(), "target": target, "target_masked": masked}


def _prompts(case: EditCase) -> dict[str, str]:
    return {"source": case.prompt_src, "target": case.prompt_trg}
