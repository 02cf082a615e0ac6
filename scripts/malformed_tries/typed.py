"""Prompts of `ids edit`, and the files that it may write its image to."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from malformed_tries.place import EDIT, Place
from malformed_tries.tables import ODD, photo
from malformed_tries.trying import Accepted, Expectation, Refused, Seen, Setup, Try

PROMPTS = {
    **ODD,
    "a question of Hydra": "???",
    "brackets": "a, b: [c] {d} (e)",
    "an equals sign": "a=b,c",
    "single quotes": "the dog's 'tail'",
    "an escaped interpolation": '\\${limit} \\\\${x} "\\"',
    "a comment": "a # b",
    "a tab": "a\tb",
    "twenty thousand characters": "a" * 20_000,
}
REFUSED = {
    "nothing": ("", "expected a prompt"),
    "blanks": (" \u2003\n", "expected a prompt"),
    "bytes that are no text": ("a\udcff", "Unicode"),
}
WORDS = ("--source", "a cat", "--target", "a dog")


def typed(prompt: str) -> Expectation:
    def check(seen: Seen) -> str | None:
        (record,) = seen.place.records()
        stored = [record["prompt_src"], record["prompt_trg"]]
        return None if stored == [prompt, f"x {prompt}"] else f"stored {stored}"

    return Accepted(check)


def image_at(name: str, kind: str) -> Expectation:
    """The command writes one image: `name`, in format `kind`, of the photo's size."""

    def check(seen: Seen) -> str | None:
        new = set(seen.after) - set(seen.before)
        written = [n for n in new if not n.startswith("outputs/")]
        if written != [name]:
            return f"wrote {written}"
        with Image.open(seen.place.folder / name) as image:
            if (image.format, image.size) != (kind, (40, 40)):
                return f"{image.format} of {image.size}"
        return None

    return Accepted(check)


def obstacles(place: Place) -> None:
    """Links, folders and pipes where an image should be written."""
    photo(place, "x.png")
    folder = place.folder
    os.link(folder / "x.png", folder / "hard.png")
    (folder / "folder.png").mkdir()
    (folder / "victim.txt").write_text("mine")
    (folder / "link.png").symlink_to("victim.txt")
    (folder / "self.png").symlink_to("x.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "pipe.png")
    hues = Image.linear_gradient("L").resize((40, 40))
    Image.merge("HSV", [hues, *[Image.new("L", (40, 40), 255)] * 2]).convert("RGB").save(
        folder / "mask.png"
    )


OUT = {
    "": "got nothing",
    "folder.png": "got a folder",
    "new/": "got a folder",
    ".": "got a folder",
    "x.png": "expected another file than",
    "./folder.png/../x.png": "expected another file than",
    "hard.png": "expected another file than",
    "x.png/y.png": "got the file",
    "victim.txt/y.png": "got the file",
    "link.png": "got a symbolic link",
    "self.png": "got a symbolic link|another file than",
    "dangling.png": "got a symbolic link",
    "pipe.png": "got another kind",
    "y.gif": "expected one of the endings",
    "y.png.exe": "expected one of the endings",
    "y": "expected one of the endings",
    ".png": "expected one of the endings",
    "a" * 300 + ".png": "shorter name",
    "/proc/y.png": "writable|got the file",
    "/dev/null": "endings|something else",
    "y\n.png\x1b[31m": "endings",
}
TAKEN = {
    "y.png": "PNG",
    "y.PNG": "PNG",
    "y.jpg": "JPEG",
    "y.jpeg": "JPEG",
    "y.webp": "WEBP",
    "new/deep/y.png": "PNG",
    "ü $1 '\".png": "PNG",
    "-y.png": "PNG",
    "a\nb.png": "PNG",
}
BAD_WORDS = {
    "a sweep": (("dataset.blend=a,b",), "expected one edit; got a sweep"),
    "the source as an override": (("dataset.prompt_src=x",), "give it as --source"),
    "another data set": (("dataset=shapes",), "given twice|dataset"),
    "no such mask": (("--mask", "nowhere.png"), "nowhere.png"),
    "an empty mask's name": (("--mask", ""), "expected an image file"),
    "a mask of colours": (("--mask", "mask.png"), "several colours"),
    "a mask that is a folder": (("--mask", "folder.png"), "folder.png"),
    "blend of one word": (("dataset.blend=cat",), "blend"),
    "weights of words": (("dataset.weights=dog:much",), "weights"),
    "a flag unknown": (("--strength", "3"), "no such flag"),
    "a fit unknown": (("dataset.fit=squeeze",), "fit"),
    "multiples of 0": (("dataset.multiple=0",), "multiple"),
}


def tries() -> Sequence[Try]:
    x: Setup = lambda place: photo(place, "x.png")
    prompts = [
        Try("prompts", name, ("edit", "x.png", f"--source={text}", f"--target=x {text}", *EDIT),
            typed(text), x)
        for name, text in PROMPTS.items()
    ]  # fmt: skip
    empty = [
        Try("prompts", name, ("edit", "x.png", f"--source={text}", "--target=b", *EDIT),
            Refused(answer), x)
        for name, (text, answer) in REFUSED.items()
    ]  # fmt: skip
    bad = [
        Try("outputs", f"refused: {out[:40]!r}",
            ("edit", "x.png", *WORDS, *EDIT, f"--out={out}"), Refused(answer), obstacles)
        for out, answer in OUT.items()
    ]  # fmt: skip
    good = [
        Try("outputs", f"taken: {out!r}", ("edit", "x.png", *WORDS, *EDIT, f"--out={out}"),
            image_at(out, kind), obstacles)
        for out, kind in TAKEN.items()
    ]  # fmt: skip
    bad_words = [
        Try("prompts", name, ("edit", "x.png", *WORDS, *EDIT, *words), Refused(answer), obstacles)
        for name, (words, answer) in BAD_WORDS.items()
    ]
    return [*prompts, *empty, *bad_words, *bad, *good, *beside()]


def beside() -> Sequence[Try]:
    """Without --out, the image is written next to the photo and overwrites no other file."""

    def link(place: Place) -> None:
        photo(place, "x.png")
        place.must("edit", "x.png", *WORDS, *EDIT)
        (image,) = place.folder.glob("x.dds.*.png")
        image.unlink()
        (place.folder / "victim.txt").write_text("mine")
        image.symlink_to("victim.txt")

    def untouched(seen: Seen) -> str | None:
        content = (seen.place.folder / "victim.txt").read_text()
        return None if content == "mine" else "wrote through a symbolic link"

    def another(place: Place) -> None:
        photo(place, "x.png")
        place.must("edit", "x.png", "--source", "a cat", "--target", "a pig", *EDIT)

    def two(seen: Seen) -> str | None:
        images = sorted(seen.place.folder.glob("x.dds.*.png"))
        kept = all(seen.after[name] == digest for name, digest in _images(seen.before).items())
        return None if len(images) == 2 and kept else f"{[path.name for path in images]}"

    edit = ("edit", "x.png", *WORDS, *EDIT)
    return [
        Try("outputs", "a link in the way", edit, Accepted(untouched, 2), link),
        Try("outputs", "two targets", edit, Accepted(two), another),
    ]


def _images(files: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if Path(name).suffix == ".png"}
