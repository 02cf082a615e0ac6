"""Entries of PIE-Bench: each faulty one is one line of `ids data check`, and costs itself."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from malformed_tries.place import Place
from malformed_tries.trying import Accepted, Refused, Seen, Setup, Try

CHECK = ("data", "check", "pie", "dataset.path=.")
ENTRY: dict[str, Any] = {
    "image_path": "a.png",
    "original_prompt": "a [cat]",
    "editing_prompt": "a [dog]",
    "editing_type_id": "1",
    "blended_word": "cat dog",
    "mask": [5000, 90],
}
Pairs = Sequence[tuple[str, Any]]
FAULTS: list[tuple[str, str, Any, str]] = [  # name, key, what differs (or the value), message
    ("no image", "b", {"image_path": "none.png"}, "found none"),
    ("image outside", "b", {"image_path": "../mapping_file.json"}, "leads out of it"),
    ("absolute image", "b", {"image_path": "/etc/hostname"}, "leads out of it"),
    ("image is a folder", "b", {"image_path": "."}, "found none"),
    ("NUL in a path", "b", {"image_path": "a\0.png"}, "without NUL"),
    ("long path", "b", {"image_path": "a" * 5000}, "expected the name of an image"),
    ("path is a number", "b", {"image_path": 3}, "expected text"),
    ("empty prompt", "b", {"original_prompt": ""}, "expected a prompt"),
    ("prompt of brackets", "b", {"editing_prompt": "[[]]"}, "expected a prompt"),
    ("prompt is null", "b", {"editing_prompt": None}, "expected text"),
    ("prompt with a lone surrogate", "b", {"editing_prompt": "\ud800"}, "expected text in Unicode"),
    ("category is a number", "b", {"editing_type_id": 1}, "expected text"),
    ("odd mask", "b", {"mask": [1, 2, 3]}, "an odd number of them, 3"),
    ("negative start", "b", {"mask": [-5, 2]}, "got '-5'"),
    ("negative length", "b", {"mask": [5, -2]}, "got '-2'"),
    ("fractions in a mask", "b", {"mask": [0.5, 2]}, "got '0.5'"),
    ("nested mask", "b", {"mask": [[1, 2]]}, "expected a list of whole numbers"),
    ("mask of text", "b", {"mask": "1 2"}, "expected a list of whole numbers"),
    ("mask is null", "b", {"mask": None}, "expected a list of whole numbers"),
    ("key again", "a", {}, "expected every case id once"),
    ("key is a path", "../a", {}, "expected a case id"),
    ("key in Japanese", "猫", {}, "expected a case id"),
    ("key is empty", "", {}, "expected a case id"),
    ("key with a line break", "a\nb", {}, "expected a case id"),
    ("entry is a list", "b", [1, 2], "expected an object"),
    ("entry is null", "b", None, "expected an object"),
    ("grey image", "b", {"image_path": "grey.png"}, "mode L"),
    ("transparent image", "b", {"image_path": "alpha.png"}, "mode RGBA"),
    ("deep image", "b", {"image_path": "deep.png"}, "mode I;16"),
    ("small image", "b", {"image_path": "small.png"}, "got 256x256"),
    ("empty image file", "b", {"image_path": "empty.png"}, "cannot be read as one"),
]
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("a run past the end", {"mask": [512 * 512 - 3, 10**12]}),
    ("a run that begins past the end", {"mask": [10**30, 4]}),
    ("overlapping and unordered runs", {"mask": [9000, 50, 9010, 5, 10, 3]}),
    ("an empty mask", {"mask": []}),
    ("no blend words", {"blended_word": ""}),
    ("one blend word", {"blended_word": "cat"}),
    ("three blend words", {"blended_word": "a cat dog"}),
    ("another category", {"editing_type_id": "12"}),
    ("brackets that do not match", {"original_prompt": "a ]cat[["}),
]
FILES: list[tuple[str, str, str]] = [
    ("an empty table", "", "expected a JSON file"),
    ("a list", "[]", "expected an object of entries"),
    ("no entries", "{}", "expected an object of entries"),
    ("cut short", '{"a": {"mask": [1, ', "expected a JSON file"),
    ("nested too deeply", "[" * 10**5, "expected a JSON file"),
]


def folder(text: str) -> Setup:
    """`mapping_file.json` of this text, and images of several kinds."""

    def setup(place: Place) -> None:
        images = place.folder / "annotation_images"
        images.mkdir()
        Image.new("RGB", (512, 512), "red").save(images / "a.png")
        for name, mode, side in (
            ("grey", "L", 512),
            ("alpha", "RGBA", 512),
            ("deep", "I;16", 512),
            ("small", "RGB", 256),
        ):
            Image.new(mode, (side, side)).save(images / f"{name}.png")
        (images / "empty.png").touch()
        (place.folder / "mapping_file.json").write_text(text)

    return setup


def entries(pairs: Pairs) -> Setup:
    """These entries in their order; a key may occur again."""
    body = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
    return folder(f"{{{body}}}")


def one_line(words: str) -> Callable[[Seen], str | None]:
    """The second of two rows has this fault, and the first none."""

    def check(seen: Seen) -> str | None:
        rows = [line for line in seen.done.out.splitlines() if line.startswith("row ")]
        right = len(rows) == 1 and rows[0].startswith("row 2,") and re.search(words, rows[0])
        return None if right and "1 of 2 rows" in seen.done.out else f"got {rows}"

    return check


def clean(seen: Seen) -> str | None:
    return None if "every row can be edited" in seen.done.out else seen.done.out


def tries() -> list[Try]:
    found = [
        Try("pie", name, CHECK, Accepted(one_line(re.escape(words)), status=1), entries(pairs))
        for name, key, change, words in FAULTS
        for pairs in [[("a", ENTRY), (key, ENTRY | change if isinstance(change, dict) else change)]]
    ]
    found += [
        Try("pie", name, CHECK, Accepted(clean), entries([("a", ENTRY | change)]))
        for name, change in GOOD
    ]
    return found + [Try("pie", name, CHECK, Refused(w), folder(text)) for name, text, w in FILES]
