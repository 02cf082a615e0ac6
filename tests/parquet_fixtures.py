"""Parquet files with images, as the `datasets` library writes them."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def encoded(colour: str = "red", size: int = 8, kind: str = "PNG") -> bytes:
    """The bytes of an image file of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(content, kind)
    return content.getvalue()


def cell(content: bytes | None, path: str | None = None) -> dict[str, Any]:
    return {"bytes": content, "path": path}


def write_parquet(
    file: Path, columns: Mapping[str, Sequence[Any]], row_group_size: int = 2
) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), file, row_group_size=row_group_size)
    return file
