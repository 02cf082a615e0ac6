"""Miniatures of PIE-Bench in its released layout."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

SIDE = 512
FOLDERS = "1_change_object_80/1_artificial/2_human"
ENTRY = {
    "image_path": f"{FOLDERS}/000.jpg",
    "original_prompt": "a [round] cake with orange frosting",
    "editing_prompt": "a [square] cake with orange frosting",
    "editing_instruction": "Change the shape of the cake",
    "editing_type_id": "1",
    "blended_word": "cake cake",
    "mask": [SIDE * 100 + 200, 12, SIDE * 300, SIDE * 100],
}


def save_image(root: Path, name: str = "000.jpg", mode: str = "RGB", side: int = SIDE) -> str:
    """An image below annotation_images; its `image_path`."""
    file = root / "annotation_images" / FOLDERS / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (side, SIDE)).save(file)
    return f"{FOLDERS}/{name}"


def write_pie(root: Path, entries: dict[str, Any] | str) -> Path:
    """`root/mapping_file.json` (its text, or entries by id) and the image of `ENTRY`."""
    save_image(root)
    text = entries if isinstance(entries, str) else json.dumps(entries)
    (root / "mapping_file.json").write_text(text, encoding="utf-8")
    return root
