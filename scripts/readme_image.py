r"""Draw the image at the top of README.md from stored results.

    ids run experiments=demo dataset.split=test 'dataset.edits=[colour,shape]' \
        output_dir=outputs/readme
    python scripts/readme_image.py outputs/readme docs/edits.png

The selection of cases does not depend on the methods: the first N_CASES of the data set whose
autoencoder round trip (`null_edit`) keeps the background at MIN_PSNR or better.
"""

import argparse
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from ids.data import Shapes
from ids.images import to_pil
from ids.shapes.scene import Attribute

N_CASES = 4
MIN_PSNR = 34.0  # dB, outside the mask
SPLIT = "test"
EDITS: tuple[Attribute, ...] = ("colour", "shape")
COLUMNS = ("source", "sds", "dds", "ids", "true_edit")
TITLES = ("Source", "SDS", "DDS", "IDS", "True edit")
SCALE = 4  # screen pixels per image pixel, without interpolation
SIDE, GAP, TEXT, HEAD = 64 * SCALE, 20, 330, 64
INK, FAINT, PAPER = "#1c1c1e", "#6e6e73", "#ffffff"


def results(store: Path) -> pd.DataFrame:
    """One line per edit, as `ids results export` writes them."""
    command = [sys.executable, "-m", "ids.cli", "results", "export", "--json"]
    done = subprocess.run(
        [*command, "--output-dir", str(store)], check=True, capture_output=True, text=True
    )
    return pd.read_json(StringIO(done.stdout))


def chosen(frame: pd.DataFrame) -> list[str]:
    """The ids of the selected cases, in the order of the data set."""
    kept = frame[(frame["label"] == "null_edit") & (frame["psnr_background"] >= MIN_PSNR)]
    return sorted(kept["id"])[:N_CASES]


def edit_of(frame: pd.DataFrame, store: Path, case: str, method: str) -> Image.Image:
    """The stored image of one edit."""
    (key,) = frame[(frame["id"] == case) & (frame["label"] == method)]["key"]
    with Image.open(store / "results" / key[:2] / key / "edit.png") as image:
        return image.convert("RGB")


def source_of(case: str) -> Image.Image:
    """The source image of a case of the embedded world."""
    index = int(case.split("-")[1])
    return to_pil(Shapes(split=SPLIT, count=index + 1, edits=EDITS)[index].source.load())


def write_prompts(draw: ImageDraw.ImageDraw, source: str, target: str, top: int) -> None:
    """Source prompt above, target prompt below, an arrow between."""
    font, x, y = ImageFont.load_default(28), GAP + 12, top + SIDE / 2
    draw.text((GAP, y - 46), source, FAINT, font, anchor="lm")
    draw.line([(x, y - 14), (x, y + 6)], fill=FAINT, width=3)
    draw.polygon([(x - 7, y + 5), (x + 7, y + 5), (x, y + 15)], FAINT)
    draw.text((GAP, y + 46), target, INK, font, anchor="lm")


def sheet(store: Path) -> Image.Image:
    """A line per case: prompts, source, one column per method, the true edit."""
    frame = results(store)
    cases = chosen(frame)
    width = TEXT + len(COLUMNS) * (SIDE + GAP)
    image = Image.new("RGB", (width, HEAD + len(cases) * (SIDE + GAP)), PAPER)
    draw = ImageDraw.Draw(image)
    for index, title in enumerate(TITLES):
        centre = TEXT + index * (SIDE + GAP) + SIDE / 2
        draw.text((centre, HEAD / 2), title, INK, ImageFont.load_default(32), anchor="mm")
    for row, case in enumerate(cases):
        top = HEAD + row * (SIDE + GAP)
        labels = frame[frame["id"] == case].iloc[0]
        write_prompts(draw, labels["source_prompt"], labels["target_prompt"], top)
        for index, column in enumerate(COLUMNS):
            part = source_of(case) if column == "source" else edit_of(frame, store, case, column)
            large = part.resize((SIDE, SIDE), Image.Resampling.NEAREST)
            image.paste(large, (TEXT + index * (SIDE + GAP), top))
    return image


def main() -> None:
    arguments = argparse.ArgumentParser(description="draw the image at the top of README.md")
    arguments.add_argument("store", type=Path, help="a folder of results")
    arguments.add_argument("out", type=Path, help="the image file to write")
    args = arguments.parse_args()
    sheet(args.store).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
