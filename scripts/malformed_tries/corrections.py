"""Corrected prompts, masks and images, and folders of one name: every number equals that of a fresh
store.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from malformed_tries.masks import greys
from malformed_tries.place import GAUSSIAN, Place
from malformed_tries.trying import Accepted, Seen, Try

DATA = ("run", *GAUSSIAN, "dataset=folder")
ROWS = ("cat.png,a cat,a dog,mask.png,pet", "bike.png,a bike,a car,,", "hat.png,a hat,a cap,,")
NUMBERS = (
    "psnr",
    "psnr_background",
    "ssim",
    "latent_distance",
    "source_prompt",
    "target_prompt",
    "key",
)


def photos(folder: Path, rows: Sequence[str] = ROWS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for shift, name in enumerate(("cat", "bike", "hat")):
        image = Image.radial_gradient("L").resize((48, 32)).rotate(30 * shift)
        image.convert("RGB").save(folder / f"{name}.png")
    greys(0, 255).save(folder / "mask.png")
    table(folder, rows)


def table(folder: Path, rows: Sequence[str]) -> None:
    (folder / "edits.csv").write_text("\n".join(["image,source,target,mask,tags", *rows, ""]))


def prompt(folder: Path) -> None:
    table(folder, [ROWS[0].replace("a dog", "a tiger"), *ROWS[1:]])


def swapped(folder: Path) -> None:
    table(folder, [ROWS[0].replace("a cat,a dog", "a dog,a cat"), *ROWS[1:]])


def mask(folder: Path) -> None:
    ImageOps.invert(greys(0, 255)).save(folder / "mask.png")


def no_mask(folder: Path) -> None:
    table(folder, [ROWS[0].replace("mask.png", ""), *ROWS[1:]])


def image(folder: Path) -> None:
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(folder / "cat.png")


def same_image(folder: Path) -> None:
    Image.open(folder / "cat.png").save(folder / "cat.png", compress_level=0)


def exchanged(folder: Path) -> None:
    for old, new in (("cat", "x"), ("hat", "cat"), ("x", "hat")):
        (folder / f"{old}.png").rename(folder / f"{new}.png")


def inserted(folder: Path) -> None:
    Image.new("RGB", (48, 32), "gray").save(folder / "new.png")
    table(folder, ["new.png,a stone,a ball,,", *ROWS])


def removed(folder: Path) -> None:
    table(folder, ROWS[1:])


def turned_about(folder: Path) -> None:
    table(folder, ROWS[::-1])


def tagged(folder: Path) -> None:
    table(folder, [row.replace("pet", "animal furry") for row in ROWS])


CHANGES: dict[str, tuple[Callable[[Path], object], int]] = {  # and the edits it adds
    "a prompt": (prompt, 1),
    "prompts exchanged": (swapped, 1),
    "a mask": (mask, 0),
    "a mask left out": (no_mask, 0),
    "an image": (image, 1),
    "an image saved again": (same_image, 0),
    "two images exchanged": (exchanged, 2),
    "a row on top": (inserted, 1),
    "a row removed": (removed, 0),
    "rows in another order": (turned_about, 0),
    "tags": (tagged, 0),
    "nothing": (lambda folder: None, 0),
}


def numbers(place: Place, root: str, name: str = "") -> dict[str, dict[str, object]]:
    """By the name of the image, because ids depend on the order of rows."""
    rows = place.numbers("--output-dir", root, *(("--dataset", name) if name else ()))
    return {
        f"{row['place']}/{str(row['id']).partition('-')[0]}": {n: row.get(n) for n in NUMBERS}
        for row in rows
    }


def as_fresh(edits: int) -> Accepted:
    def check(seen: Seen) -> str | None:
        place = seen.place
        place.must(*DATA, "dataset.path=photos", "output_dir=right")
        found, right = numbers(place, "outputs"), numbers(place, "right")
        if found != right or not found:
            return f"{found} instead of {right}"
        new = len(place.records()) - 3
        return None if new == edits else f"{new} new edits instead of {edits}"

    return Accepted(check)


def corrected(change: Callable[[Path], object]) -> Callable[[Place], object]:
    def setup(place: Place) -> None:
        photos(place.folder / "photos")
        place.must(*DATA, "dataset.path=photos")
        change(place.folder / "photos")

    return setup


def two_folders(place: Place) -> None:
    """Two folders named photos, with different images and prompts."""
    photos(place.folder / "one" / "photos")
    photos(place.folder / "two" / "photos", [ROWS[1].replace("a car", "a boat"), ROWS[2]])
    exchanged(place.folder / "two" / "photos")
    place.must(*DATA, "dataset.path=one/photos")


def kept_apart(seen: Seen) -> str | None:
    place = seen.place
    for one in ("one", "two"):
        place.must(*DATA, f"dataset.path={one}/photos", f"output_dir=right-{one}")
    right = numbers(place, "right-one") | numbers(place, "right-two")
    found = numbers(place, "outputs")
    if found != right or len(found) != 5:
        return f"{found} instead of {right}"
    tables = place.ids("table").out
    return None if tables.count("folder:photos ") >= 2 else f"one table of both: {tables}"


def renamed(place: Place) -> None:
    photos(place.folder / "old")
    place.must(*DATA, "dataset.path=old")
    (place.folder / "old").rename(place.folder / "photos")


def copied(place: Place) -> None:
    photos(place.folder / "photos")
    place.must(*DATA, "dataset.path=photos")
    shutil.copytree(place.folder / "photos", place.folder / "copy")


def shared(seen: Seen) -> str | None:
    """A copy is another data set; its existing edits are reused."""
    found = len(seen.place.numbers()), len(seen.place.records())
    return None if found == (6, 3) else f"{found} rows and results instead of 6 and 3"


def tries() -> Sequence[Try]:
    again = (*DATA, "dataset.path=photos")
    return [
        *[
            Try("corrections", name, again, as_fresh(edits), corrected(change))
            for name, (change, edits) in CHANGES.items()
        ],
        Try("corrections", "two folders of one name", (*DATA, "dataset.path=two/photos"),
            Accepted(kept_apart), two_folders),
        Try("corrections", "a folder renamed", again, as_fresh(0), renamed),
        Try("corrections", "a folder copied", (*DATA, "dataset.path=copy"),
            Accepted(shared), copied),
    ]  # fmt: skip
