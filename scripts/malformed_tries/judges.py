"""Networks of metrics: missing, incomplete, not finite or of another architecture."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from malformed_tries.folders import Tensors, content, cut, gone, header
from malformed_tries.place import Place
from malformed_tries.trying import Accepted, Refused, Seen, Setup, Try

RUN = ("run", "debug=fast", "controls=none", "method=dds", "method.n_steps=2", "limit=1")
SQUEEZE = (*RUN, "+metric@metrics.lpips=lpips", "metrics.lpips.net=squeeze")
WEIGHTS = "open_clip_model.safetensors"
CLIP = (
    *RUN,
    "metrics=paper",
    "~metrics.lpips",
    "clip.model=local-dir:clip",
    "clip.checkpoint=null",
)
Edit = Callable[[Tensors], object]


def squeeze(edit: Edit = lambda state: None, name: str = "") -> Setup:
    """A network for LPIPS with random weights, named by its hash or by `name`."""

    def setup(place: Place) -> None:
        from torchvision.models import squeezenet1_1

        torch.manual_seed(0)
        state = squeezenet1_1().state_dict()
        edit(state)
        file = place.folder / "x"
        torch.save(state, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        file.rename(place.folder / (name or f"squeeze-{digest}.pth"))

    return setup


def raw(content: bytes) -> Setup:
    """A file named by the hash of its content."""

    def setup(place: Place) -> None:
        digest = hashlib.sha256(content).hexdigest()[:8]
        (place.folder / f"squeeze-{digest}.pth").write_bytes(content)

    return setup


BIAS = "features.3.squeeze.bias"
LPIPS: dict[str, tuple[Setup, str]] = {
    "no such file": (lambda place: None, "found no such file"),
    "NaN": (squeeze(lambda s: s[BIAS].fill_(torch.nan)), "holds NaN"),
    "infinity": (squeeze(lambda s: s[BIAS].fill_(torch.inf)), "holds infinity"),
    "a tensor missing": (squeeze(lambda s: s.pop(BIAS)), "1 missing"),
    "a tensor too many": (squeeze(lambda s: s.update({"features.99.x": torch.ones(1)})), "1 extra"),
    "another shape": (squeeze(lambda s: s.update({BIAS: torch.zeros(2)})), "1 wrong-shaped"),
    "a name of another hash": (squeeze(name="squeeze-00000000.pth"), "hash"),
    "a name without a hash": (squeeze(name="squeeze.pth"), "hash"),
    "text": (raw(b"weights"), "do not fit|cannot"),
    "a git-lfs pointer": (
        raw(b"version https://git-lfs.github.com/spec/v1\n"),
        "do not fit|git-lfs",
    ),
    "an empty file": (raw(b""), "do not fit|empty"),
}


def lpips(name: str, setup: Setup, words: str) -> Try:
    """The configured file is the one that the folder of the try contains."""

    def first() -> None:
        found = sorted(Path().glob("squeeze*.pth"))
        place = found[0] if found else "nowhere-00000000.pth"
        sys.argv.append(f"metrics.lpips.backbone={place}")

    return Try("judges", f"LPIPS: {name}", SQUEEZE, Refused(words), setup, first)


def clip(*changes: Callable[[Path], object]) -> Setup:
    def setup(place: Place) -> None:
        from ids.shapes import WEIGHTS as SHAPES

        shutil.copytree(SHAPES / "clip", place.folder / "clip")
        for change in changes:
            change(place.folder / "clip")

    return setup


def tensors(edit: Edit) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        state = load_file(folder / WEIGHTS)
        edit(state)
        save_file(state, folder / WEIGHTS)

    return change


def config(**entries: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        file = folder / "open_clip_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | entries))

    return change


NORM = "ln_final.bias"
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no weights": (gone(WEIGHTS), "open_clip_model"),
    "no configuration": (gone("open_clip_config.json"), "open_clip_config"),
    "NaN": (tensors(lambda s: s[NORM].fill_(torch.nan)), "holds NaN"),
    "infinity": (tensors(lambda s: s[NORM].fill_(torch.inf)), "holds infinity"),
    "a tensor missing": (tensors(lambda s: s.pop(NORM)), "1 missing"),
    "a tensor too many": (tensors(lambda s: s.update(further=torch.ones(2))), "1 extra"),
    "another shape": (tensors(lambda s: s.update({NORM: torch.zeros(3)})), "ln_final"),
    "cut short": (cut(WEIGHTS, -100), "cut short|clip"),
    "cut in its header": (cut(WEIGHTS, 60), "cut short|clip"),
    "an empty file": (content(WEIGHTS, b""), "empty|clip"),
    "a git-lfs pointer": (
        content(WEIGHTS, b"version https://git-lfs.github.com/spec/v1\n"),
        "git-lfs|clip",
    ),
    "a tensor beyond memory": (
        content(
            WEIGHTS, header(b'{"a":{"dtype":"F32","shape":[99999999999999],"data_offsets":[0,4]}}')
        ),
        "clip",
    ),
    "broken JSON": (content("open_clip_config.json", b"{"), "open_clip_config"),
    "a list for JSON": (content("open_clip_config.json", b"[]"), "open_clip_config"),
    "deep JSON": (content("open_clip_config.json", b"[" * 100_000), "open_clip_config"),
    "code": (config(trust_remote_code=True), "trust_remote_code"),
    "no tokenizer": (gone("tokenizer.json"), "tokenizer"),
}


def scored(seen: Seen) -> str | None:
    rows = seen.place.numbers()
    scores = [value for row in rows for name, value in row.items() if name.startswith("clip_score")]
    return None if len(scores) == 1 and scores[0] is not None else f"scores {scores}"


def tries() -> Sequence[Try]:
    return [
        *[lpips(name, setup, words) for name, (setup, words) in LPIPS.items()],
        *[
            Try("judges", f"CLIP: {name}", CLIP, Refused(words), clip(change))
            for name, (change, words) in FAULTS.items()
        ],
        Try("judges", "CLIP: whole", CLIP, Accepted(scored), clip()),
        Try(
            "judges",
            "CLIP: none",
            (*RUN, "metrics=paper", "~metrics.lpips", "clip.checkpoint=null"),
            Refused("would be random"),
        ),
        Try(
            "judges",
            "CLIP: no file",
            (*RUN, "metrics=paper", "~metrics.lpips", "clip.checkpoint=nowhere.pt"),
            Refused("nowhere.pt"),
        ),
        Try(
            "judges",
            "CLIP: a model unknown",
            (*RUN, "metrics=paper", "~metrics.lpips", "clip.model=ViT-Z-99"),
            Refused("ViT-Z-99"),
        ),
    ]
