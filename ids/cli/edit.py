"""`ids edit`: one image, and where the result goes."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ids.cli.outcome import reported, traceback_in
from ids.cli.saying import say_all
from ids.core.errors import ConfigError
from ids.core.text import printable

FLAGS = {
    "path": "the image",
    "prompt_src": "--source",
    "prompt_trg": "--target",
    "mask": "--mask",
}
SIDE = 64  # of the embedded world's images


def edit(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    """Edit one image and write the result. Exit status."""
    from ids.config import entry
    from ids.report.output import check_out, default_out

    _check_flags(overrides)
    if args.out is not None:
        check_out(args.out, [args.image, *([args.mask] if args.mask else [])])
    words = ["dataset=single", f"method={args.method}", *_backbone(args, overrides), *overrides]
    prepared = entry.prepare(words, data=_text(args), config_dirs=args.config_dir)
    if prepared.sweep:
        raise ConfigError("ids edit: expected one edit; got a sweep; `ids run -m` makes several")
    if args.out is None:
        check_out(str(default_out(args.image, args.method, args.target, "")), [args.image])
    say_all(prepared.notes)
    from ids.launch import launch

    launched = launch(prepared)
    if launched.failed:
        return reported(launched)

    from ids.data.image_files import ImageFile
    from ids.report.summary import hand_over

    def place(key: str) -> Path:
        named = default_out(args.image, args.method, args.target, key)
        return Path(args.out) if args.out else named

    with traceback_in(launched.folder):
        (case,) = launched.cases()
        assert isinstance(case.source, ImageFile)
        out = hand_over(launched.folder, launched.prepared.output_dir, case.source, place)
    status = reported(launched)
    print(f"edited image: {printable(str(out))}")
    return status


def _text(args: argparse.Namespace) -> dict[str, str]:
    """The texts exactly as they were typed: no configuration language reads them."""
    text = {"path": args.image, "prompt_src": args.source, "prompt_trg": args.target}
    return text | ({"mask": args.mask} if args.mask is not None else {})


def _check_flags(overrides: Sequence[str]) -> None:
    for word in overrides:
        group, _, key = word.partition("=")[0].lstrip("+~").partition(".")
        if group == "dataset" and key in FLAGS:
            raise ConfigError(f"{word[:60]}: expected as a flag; give it as {FLAGS[key]}")


def _backbone(args: argparse.Namespace, overrides: Sequence[str]) -> list[str]:
    """The chosen backbone. Only a scene of the embedded world needs no choice."""
    if args.backbone is not None:
        return [f"backbone={args.backbone}"]
    if any(word.partition("=")[0] in ("backbone", "debug") for word in overrides):
        return []
    if not _is_scene(args):
        raise ConfigError(
            f"--backbone: expected a choice for a photo; got none; give one of sd14, sd15, sd21, "
            "or stable_diffusion with backbone.path=FOLDER; shapes is a toy for its own scenes of "
            f"{SIDE}x{SIDE} pixels"
        )
    return ["backbone=shapes"]


def _is_scene(args: argparse.Namespace) -> bool:
    """Is it an image of the embedded world? True for an image that cannot be read: the data set
    reports it.
    """
    from PIL import Image

    from ids.shapes.caption import parse_caption

    try:
        with Image.open(args.image) as image:
            size = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return True
    return (
        size == (SIDE, SIDE)
        and bool(parse_caption(args.source))
        and bool(parse_caption(args.target))
    )
