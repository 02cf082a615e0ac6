"""Data sets in the layouts of InstructPix2Pix."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from parquet_fixtures import cell, encoded

COLOURS = ("red", "lime", "blue", "white")


def columns(n_rows: int, **others: Sequence[Any]) -> dict[str, Sequence[Any]]:
    return {
        "original_prompt": [f"a cat {row}" for row in range(n_rows)],
        "original_image": [cell(encoded(COLOURS[row % 4])) for row in range(n_rows)],
        "edit_prompt": [f"make it a dog {row}" for row in range(n_rows)],
        "edited_prompt": [f"a dog {row}" for row in range(n_rows)],
        "edited_image": [cell(encoded("black")) for _ in range(n_rows)],
    } | others


def write_stream(file: Path, table: dict[str, Sequence[Any]], batch: int = 2) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    arrow = pa.table(table)
    with pa.ipc.new_stream(str(file), arrow.schema) as out:
        out.write_table(arrow, batch)


def write_originals(top: Path, folders: dict[str, Sequence[Any]]) -> Path:
    """seeds.json, and for each folder two images a seed and prompt.json."""
    for row, (folder, seeds) in enumerate(folders.items()):
        (top / folder).mkdir(parents=True, exist_ok=True)
        captions = {"input": f"a cat {row}", "edit": f"make it a dog {row}"}
        (top / folder / "prompt.json").write_text(json.dumps(captions | {"output": f"a dog {row}"}))
        for number, seed in enumerate(seeds):
            image = encoded(COLOURS[(row + number) % 4])
            (top / folder / f"{seed}_0.jpg").write_bytes(image)
            (top / folder / f"{seed}_1.jpg").write_bytes(encoded("black"))
    (top / "seeds.json").write_text(json.dumps(list(folders.items())))
    return top
