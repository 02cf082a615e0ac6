r"""Draw the image of an edited scene in README.md from stored results.

    ids run experiments=scenes seeds=[0] method=ids method.n_steps=60 output_dir=outputs/scene_image
    python scripts/scene_image.py outputs/scene_image docs/scene_ids.png

The scenes are the first object of plain fill of each kind of edit, at the most steps of IDS and
seed 0. Striped objects are edited worst, and not shown.
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont

from ids.core.records import EditedScene
from ids.core.tensors import Image as ImageTensor
from ids.images import to_pil
from ids.run.scene_files import distance_maps, read_scene

METHOD = "ids"
KINDS, FILL = ("colour", "shape"), "plain"
VIEWS = (9, 0, 8)  # azimuths -17 (held out), 0 and 16 degrees
SCALE = 3  # screen pixels per image pixel, without interpolation
GAP, TEXT, HEAD, LINE = 12, 330, 60, 28
INK, FAINT, PAPER = "#1c1c1e", "#6e6e73", "#ffffff"


def results(store: Path) -> pd.DataFrame:
    """One line per edit, as `ids results export` writes them."""
    command = [sys.executable, "-m", "ids.cli", "results", "export", "--json"]
    done = subprocess.run(
        [*command, "--output-dir", str(store)], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:  # its own line has the reason
        raise SystemExit(done.returncode)
    return pd.read_json(io.StringIO(done.stdout))


def chosen(frame: pd.DataFrame) -> list[pd.Series]:
    """The edit of the first plain object of each kind."""
    method = frame["label"].str.split(" ").str[0]
    edits = frame[(method == METHOD) & (frame["seed"] == 0)]
    n_steps = edits["setting.n_steps"].astype(int)
    edits = edits[(n_steps == n_steps.max()) & edits["source_prompt"].str.contains(FILL)]
    edits = edits.sort_values("id")
    return [edits[edits["id"].str.endswith(kind)].iloc[0] for kind in KINDS]


def block(scene: EditedScene) -> Image.Image:
    """Two lines of views, before and after, and the depth of the frontal view at their end."""
    depths = distance_maps(scene)
    rows = [
        torch.cat([*(images[view] for view in VIEWS), depth[0]], dim=2)
        for images, depth in zip((scene.before, scene.after), depths, strict=True)
    ]
    return _large(torch.cat(rows, dim=1))


def _large(image: ImageTensor) -> Image.Image:
    small = to_pil(image)
    return small.resize((small.width * SCALE, small.height * SCALE), Image.Resampling.NEAREST)


def sheet(store: Path) -> Image.Image:
    """A block per scene, beside its prompts."""
    edits = chosen(results(store))
    scenes = [read_scene(store / "results" / e["key"][:2] / e["key"]) for e in edits]
    blocks = [block(scene) for scene in scenes if scene is not None]
    width, height = blocks[0].size
    whole = Image.new("RGB", (TEXT + width + GAP, HEAD + len(blocks) * (height + GAP)), PAPER)
    draw = ImageDraw.Draw(whole)
    side = width // (len(VIEWS) + 1)
    font = ImageFont.load_default(LINE)
    titles = (("three views, before and after", len(VIEWS) / 2), ("depth", len(VIEWS) + 0.5))
    for title, middle in titles:
        draw.text((TEXT + middle * side, HEAD / 2), title, INK, font, anchor="mm")
    for row, (edit, part) in enumerate(zip(edits, blocks, strict=True)):
        top = HEAD + row * (height + GAP)
        whole.paste(part, (TEXT, top))
        for words, colour, at in (
            (edit["source_prompt"], FAINT, 0.25),
            (edit["target_prompt"], INK, 0.75),
        ):
            draw.text((GAP, top + at * height), words, colour, font, anchor="lm")
    return whole


def main() -> None:
    arguments = argparse.ArgumentParser(description="draw the image of an edited scene")
    arguments.add_argument("store", type=Path, help="a folder of results")
    arguments.add_argument("out", type=Path, help="the image file to write")
    args = arguments.parse_args()
    sheet(args.store).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
