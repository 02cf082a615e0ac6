"""Masks, pictures, PSNR, MSE, SSIM and LPIPS."""

import hashlib
from collections.abc import Iterator

import torch

from ids.images import to_array
from metric_replay.folder import Folder, Pair
from metric_replay.lines import Line, exact_line


def pixels(folder: Folder) -> Iterator[Line]:
    """Everything that reads pixels alone, and LPIPS."""
    for pair in folder.pairs:
        yield from _inputs(pair)


def _inputs(pair: Pair) -> Iterator[Line]:
    """The decoded mask, the source, and the target after its crop: exact."""
    recorded = pair.recorded["checks"]
    assert pair.case.mask is not None
    mask = pair.case.mask.load()[0].to(torch.uint8).numpy()
    for what, array in (
        ("mask_sha256_uint8", mask),
        ("source_sha256", to_array(pair.case.source.load())),
        ("target_sha256", to_array(pair.edited.image)),
    ):
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        yield exact_line(pair.name("checks", what), digest, recorded[what])
    yield exact_line(pair.name("checks", "mask_sum"), int(mask.sum()), recorded["mask_sum"])
