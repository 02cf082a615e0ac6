"""The contact sheet: source, null edit, every method, true edit, side by side."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image as PIL
from PIL import ImageDraw, ImageFont

from ids.core.records import EditCase
from ids.images import to_pil
from ids.results.frames import in_order
from ids.run.store import IMAGE, Store

SIDE, GAP, TEXT, HEAD = 144, 10, 190, 34
INK, FAINT, PAPER = "#1c1c1e", "#8a8a8e", "#ffffff"
MAX_ROWS = 12


def contact_sheet(cases: Sequence[EditCase], frame: pd.DataFrame, store: Store, path: Path) -> Path:
    """One line per case, one column per method; missing images stay blank."""
    labels = in_order(frame["label"])
    edited = set(frame[frame["status"] == "ok"]["case"])
    cases = [case for case in cases if case.digest in edited][:MAX_ROWS]
    columns = ["source", *labels]
    width = TEXT + len(columns) * (SIDE + GAP) + GAP
    height = HEAD + len(cases) * (SIDE + GAP) + GAP
    sheet = PIL.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, title in enumerate(columns):
        centre = TEXT + index * (SIDE + GAP) + SIDE / 2
        draw.text((centre, HEAD / 2), title.replace("_", " "), INK, _font(15), anchor="mm")
    for row, case in enumerate(cases):
        top = HEAD + row * (SIDE + GAP)
        _write_prompts(draw, case, top)
        images = [
            to_pil(case.source.load()),
            *(_image(frame, label, case, store) for label in labels),
        ]
        for index, image in enumerate(images):
            if image is not None:
                resized = image.resize((SIDE, SIDE), PIL.Resampling.LANCZOS)
                sheet.paste(resized, (TEXT + index * (SIDE + GAP), top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def _write_prompts(draw: ImageDraw.ImageDraw, case: EditCase, top: int) -> None:
    middle = top + SIDE / 2
    for text, ink, shift in (
        (case.prompt_src, FAINT, -30),
        ("to", FAINT, 0),
        (case.prompt_trg, INK, 30),
    ):
        draw.multiline_text(
            (GAP, middle + shift), _wrapped(text), ink, _font(14), anchor="lm", spacing=2
        )


def _wrapped(text: str, length: int = 24) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= length:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:2])


def _image(frame: pd.DataFrame, label: str, case: EditCase, store: Store) -> PIL.Image | None:
    found = frame[
        (frame["label"] == label) & (frame["case"] == case.digest) & (frame["status"] == "ok")
    ]
    if found.empty:
        return None
    return PIL.open(store.folder(found.sort_values("seed").iloc[0]["key"]) / IMAGE)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
