"""The vertices of PLY files, by the names of their properties: the point clouds of nerfstudio and
the Gaussians of 3D Gaussian Splatting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ids.core.errors import DataError
from ids.data.messages import quote, shorten

Array = NDArray[np.float64]
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
MAX_HEADER = 1 << 16  # bytes
REMEDY = "export it again"


@dataclass(frozen=True)
class Header:
    """The first element of a PLY file. `kinds`: its properties and their types, in order."""

    format: str
    count: int
    kinds: Mapping[str, str]
    start: int  # byte of the first vertex
    alone: bool  # no other element follows


def read_vertices(file: Path) -> Mapping[str, NDArray[np.generic]]:
    """The values of each property, [N]. `DataError` for a file that is no PLY, or ends early."""
    try:
        with file.open("rb") as opened:
            header = _header(opened, shorten(file))
            rest = file.stat().st_size - header.start
            if header.format == "ascii":
                return _text(opened, header, rest, shorten(file))
            return _binary(opened, header, rest, shorten(file))
    except OSError as error:
        raise DataError(f"{shorten(file)}: expected a PLY file; {error.strerror}") from error


def read_cloud(file: Path) -> tuple[Array, Array]:
    """Points [P, 3], and colours in [0, 1]: white where the file has none."""
    values = read_vertices(file)
    points = columns(values, ("x", "y", "z"), file).astype(np.float64)
    if not np.isfinite(points).all():
        raise DataError(f"{shorten(file)}: expected finite points; got NaN or infinity; {REMEDY}")
    if not {"red", "green", "blue"} <= values.keys():
        return points, np.ones_like(points)
    colours = columns(values, ("red", "green", "blue"), file)
    levels = 255 if colours.dtype.kind in "iu" else 1
    return points, colours.astype(np.float64) / levels


def columns(
    values: Mapping[str, NDArray[np.generic]], names: Sequence[str], file: Path
) -> NDArray[np.generic]:
    """These properties side by side, [N, len(names)]. `DataError` for one that is missing."""
    if missing := [name for name in names if name not in values]:
        raise DataError(
            f"{shorten(file)}: expected the property {quote(missing[0])} of each vertex; got none; "
            + REMEDY
        )
    return np.stack([values[name] for name in names], axis=-1)


def _header(opened: BinaryIO, where: str) -> Header:
    lines = _header_lines(opened, where)
    words = [line.split() for line in lines]
    form = next((w[1] for w in words if w[0] == "format" and len(w) > 1), "")
    elements = [number for number, w in enumerate(words) if w[0] == "element"]
    if form not in FORMATS or not elements or words[elements[0]][1:2] != ["vertex"]:
        raise DataError(f"{where}: expected a PLY file whose first element is vertex; {REMEDY}")
    first, *others = elements
    count = words[first][2] if len(words[first]) == 3 else ""
    if not count.isdecimal() or len(count) > 18:
        raise DataError(f"{where}: expected a number of vertices; got {count[:40]!r}; {REMEDY}")
    kinds: dict[str, str] = {}
    for w in words[first + 1 : others[0] if others else None]:
        if w[0] == "property":
            if len(w) != 3 or w[1] not in TYPES or w[2] in kinds:
                raise DataError(
                    f"{where}: expected one number per property; got {quote(' '.join(w))}; {REMEDY}"
                )
            kinds[w[2]] = FORMATS[form] + TYPES[w[1]]
    return Header(form, int(count), kinds, opened.tell(), alone=not others)


def _header_lines(opened: BinaryIO, where: str) -> list[str]:
    lines: list[str] = []
    while opened.tell() < MAX_HEADER:
        line = opened.readline(MAX_HEADER).decode("ascii", "replace").strip()
        if not lines and line != "ply":
            break
        if line == "end_header":
            return [text for text in lines[1:] if text]
        if not line and opened.tell() == opened.seek(0, 2):
            break
        lines.append(line)
    raise DataError(f"{where}: expected a PLY file; its header is none; {REMEDY}")


def _binary(
    opened: BinaryIO, header: Header, rest: int, where: str
) -> Mapping[str, NDArray[np.generic]]:
    layout = np.dtype(list(header.kinds.items()))
    if layout.itemsize * header.count > rest:
        raise _too_short(header, rest // max(layout.itemsize, 1), where)
    if header.alone and layout.itemsize * header.count < rest:
        raise DataError(
            f"{where}: expected its end after {header.count} vertices; got "
            f"{rest - layout.itemsize * header.count} bytes more; {REMEDY}"
        )
    data = opened.read(layout.itemsize * header.count)
    array = np.frombuffer(data, dtype=layout)
    return {name: array[name] for name in header.kinds}


def _text(
    opened: BinaryIO, header: Header, rest: int, where: str
) -> Mapping[str, NDArray[np.generic]]:
    if 2 * header.count > rest + 1:
        raise _too_short(header, rest // 2, where)
    rows = [opened.readline().split() for _ in range(header.count)]
    short = next((n for n, row in enumerate(rows) if len(row) != len(header.kinds)), None)
    if short is not None:
        raise _too_short(header, short, where)
    try:
        values = np.array(rows, dtype=np.float64).reshape(header.count, len(header.kinds))
    except ValueError as error:
        raise DataError(f"{where}: expected numbers; {shorten(error)}; {REMEDY}") from error
    return {
        name: values[:, number].astype(kind)
        if TYPES.get(kind, kind)[0] != "f"
        else values[:, number]
        for number, (name, kind) in enumerate(header.kinds.items())
    }


def _too_short(header: Header, found: int, where: str) -> DataError:
    return DataError(
        f"{where}: expected {header.count} vertices; got data of {found}; the file ends early; "
        + REMEDY
    )
