"""Read a folder of captures with known geometry through the classes that `ids run` builds.

    python scripts/capture_parity.py FOLDER               # a line a quantity; status 1 on any FAIL
    python scripts/capture_parity.py FOLDER --only orbit  # captures and cases with this prefix

The folder (see its README.md) has files that the formats' own programs wrote, and the truth in
truth.json and truth.safetensors. Right is a reprojection within 0.05 px. A recorded truth that
nothing compares is a FAIL. Status 2 without such a folder.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from capture_replay.cases import malformed, unusual
from capture_replay.gaussians import gaussians
from capture_replay.geometry import distance, error_line, geometry, resized_line
from capture_replay.opened import Open, Opened, open_recorded, opener
from capture_replay.photos import facing_line, photos
from capture_replay.truth import Recorded, Truth, open_truth
from metric_replay.lines import Line, guarded

from ids.core.weight_files import one_line


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="captures and cases with this prefix")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        truth = open_truth(args.folder)
    except Exception as error:  # any fault of a foreign folder is one line
        print(f"{args.folder}: expected a folder with truth.json; {one_line(error)}")
        return 2
    statuses = set()
    for line in _lines(truth, args.only):
        print(line, flush=True)
        statuses.add(line.status)
    return 0 if "ok" in statuses and "FAIL" not in statuses else 1


def _lines(truth: Truth, only: str) -> Iterator[Line]:
    open_folder = opener()
    for recorded in truth.formats():
        if recorded.name.startswith(only):
            lines = _gaussians if recorded.is_gaussians else _capture
            yield from guarded(recorded.name, lines(recorded, open_folder))
    yield from _chosen(malformed(truth, open_folder), only)
    yield from _chosen(unusual(truth, open_folder), only)
    for name in () if only else truth.unused():
        yield Line(name, "FAIL", "recorded, and not compared")


def _chosen(lines: Iterable[Line], only: str) -> Iterator[Line]:
    return (line for line in lines if line.name.startswith(only))


def _capture(recorded: Recorded, open_folder: Open) -> Iterator[Line]:
    opened = open_recorded(recorded, open_folder)
    yield from geometry(opened)
    yield facing_line(opened)
    yield from photos(opened)
    camera = opened.capture.photos[0].camera
    half = min(camera.width, camera.height) // 2
    yield resized_line(open_recorded(recorded, open_folder, size=half, multiple=8))
    for images in (key for key in recorded.entry if key.startswith("images_")):
        yield _other_photos(open_recorded(recorded, open_folder, images=images), images)


def _other_photos(opened: Opened, images: str) -> Line:
    """A folder of the same photos in another size, with other names in the same order."""
    recorded = opened.recorded
    world = opened.world(recorded.file("points")).float()
    wanted, worst = recorded.scene("pixels_pinhole"), 0.0
    for photo, pixels, image in zip(
        opened.capture.photos, wanted, recorded.content["images"], strict=True
    ):
        size = recorded.content["cameras"][image["camera"]]
        ratio = [photo.camera.width / size["width"], photo.camera.height / size["height"]]
        found = photo.camera.project(world)[0].double().numpy()
        worst = max(worst, distance(found, pixels * ratio))
    return error_line(f"{recorded.name}/{images}", worst, 0.05, "px")


def _gaussians(recorded: Recorded, open_folder: Open) -> Iterator[Line]:
    """Beside the format of the same capture whose world they share."""
    for other in recorded.truth.formats():
        same_world = other.entry["scene_to_file"] == recorded.entry["scene_to_file"]
        if other.capture == recorded.capture and same_world and not other.is_gaussians:
            yield from gaussians(recorded, open_recorded(other, open_folder))
            return
    yield Line(recorded.name, "FAIL", "no format of the capture shares its world")


if __name__ == "__main__":
    sys.exit(main())
