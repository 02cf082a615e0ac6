"""Files of weights and their configurations, read without running anything in them. Whatever is
wrong with one is a `WeightsError` of one line that names the file and what it is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ids.core.errors import WeightsError

Shapes = Mapping[str, tuple[int, ...]]
Stamp = tuple[str, int, int, int]
AGAIN = "download it again"
LFS = b"version https://git-lfs"
CODE = ("auto_map", "trust_remote_code")  # how configurations ask for code beside them to be run
NAMED = 3  # tensors named in a message; the others are counted
TOLD = 300  # characters of another library's message
LONGEST = 100_000_000  # bytes of a header: the format's own limit
MOST = 10**13  # bytes of a file: what claims more was not cut short


class Header(NamedTuple):
    """What the header of a safetensors file says of one tensor; `dtype` in its words: F32, I64."""

    shape: tuple[int, ...]
    dtype: str


def stamp(file: Path) -> Stamp:
    """Changes when the file does, at the cost of one look at it."""
    found = file.stat()
    return str(file), found.st_ino, found.st_size, found.st_mtime_ns


def digest_of(file: Path) -> str:
    """SHA-256 of its content, in hexadecimal; read again only where the file has changed."""
    return _digest(stamp(file))


def one_line(error: BaseException) -> str:
    """What another library says, without line breaks, cut where it is long."""
    told = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return told if len(told) <= TOLD else told[:TOLD] + "..."


def read_json(file: Path, where: str) -> dict[str, Any]:
    """An object; `where` names the file in messages. One that asks for code to be run is refused,
    at whatever depth it asks.
    """
    check_content(file, where)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            f"{where}: expected JSON; it cannot be read ({one_line(error)}); {AGAIN}"
        ) from error
    if not isinstance(found, dict):
        raise WeightsError(f"{where}: expected a JSON object; got {type(found).__name__}; {AGAIN}")
    asked = next((key for key, value in _entries(found) if key in CODE and value), None)
    if asked:
        raise WeightsError(
            f"{where}: expected a configuration that runs no code; it asks for {asked}; "
            "code from model folders is never run: choose a folder without it"
        )
    return found


def headers_in(file: Path, where: str) -> dict[str, Header]:
    """By name, every tensor of a safetensors file; none of them is read."""
    from safetensors import safe_open

    check_content(file, where)
    try:
        with safe_open(file, "pt") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            return {n: Header(tuple(s.get_shape()), s.get_dtype()) for n, s in slices.items()}
    except Exception as error:  # safetensors' own, and OSError
        raise WeightsError(
            f"{where}: expected a safetensors file; {_what_it_is(file, error)}"
        ) from error


def tensors_in(file: Path, where: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a safetensors file, one after the other."""
    from safetensors import safe_open

    names = headers_in(file, where)
    with safe_open(file, "pt") as tensors:
        for name in names:
            yield name, tensors.get_tensor(name)


def check_finite(file: Path, where: str) -> None:
    """`WeightsError` where a tensor of this safetensors file holds NaN or infinity. The file is
    read once, and again where it has changed.
    """
    if told := _not_finite(stamp(file), where):
        raise WeightsError(told)


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """`conv_out.bias holds NaN`, and how many more; empty where all is finite."""
    held = [(name, kind) for name, tensor in tensors if (kind := _kind(tensor))]
    if not held:
        return ""
    more = f" and {len(held) - 1} more tensors too" if len(held) > 1 else ""
    return f"{held[0][0]} holds {held[0][1]}{more}"


def differences(wanted: Shapes, found: Shapes) -> str:
    """What is missing, extra and wrong-shaped, how many and which; empty where they are alike."""
    wrong = [
        f"{name} {list(found[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in found and tuple(found[name]) != tuple(shape)
    ]
    lists = {
        "missing": [name for name in wanted if name not in found],
        "extra": [name for name in found if name not in wanted],
        "wrong-shaped": wrong,
    }
    return "; ".join(
        f"{len(names)} {what}: {', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''}"
        for what, names in lists.items()
        if names
    )


def check_content(file: Path, where: str) -> None:
    """`WeightsError` where a file of any kind is missing, empty, or a stand-in for its content."""
    if not file.is_file():
        raise WeightsError(f"{where}: expected a file; there is none; {AGAIN}")
    with file.open("rb") as stream:
        start = stream.read(64)
    if not start:
        raise WeightsError(f"{where}: expected content; the file is empty; {AGAIN}")
    if start.startswith(LFS):
        raise WeightsError(
            f"{where}: expected the content; this is a git-lfs pointer to it; run git lfs pull "
            "in the folder"
        )
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise WeightsError(
            f"{where}: expected the content; this is a web page that was saved in its place; "
            f"{AGAIN}"
        )


def _what_it_is(file: Path, error: Exception) -> str:
    """Of a file that safetensors refuses: a pickle, cut short, damaged, or of another kind."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        first = stream.read(8)
        length = int.from_bytes(first, "little")
        header = stream.read(length) if length < min(size, LONGEST) else stream.read(1)
    if first.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04")):
        return "this is a pickle of PyTorch's under another name; take a file saved as safetensors"
    if size < 10 or (header.startswith(b"{") and size < 8 + length < 8 + LONGEST):
        return f"it is cut short, before its tensors, at {size} bytes; {AGAIN}"
    end = 8 + length + _end(header)
    if size < end < MOST:
        return f"it is cut short: {size} of {end} bytes; {AGAIN}"
    return f"it is damaged, or of another kind ({one_line(error)}); {AGAIN}"


def _end(header: bytes) -> int:
    """Where the last tensor ends, by a header that may be no header at all."""
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name[:2] != "__"]
        return int(max(ends))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return 0


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and its value, however deep; read_json has bounded the depth."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield from here.items()
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)


def _kind(tensor: Tensor) -> str:
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return ""
    wide = tensor if tensor.dtype.itemsize > 1 else tensor.float()
    ends = torch.stack(torch.aminmax(wide))  # NaN anywhere makes both NaN; no copy is made
    return "NaN" if ends.isnan().any() else "infinity" if ends.isinf().any() else ""


@cache
def _digest(stamped: Stamp) -> str:
    with Path(stamped[0]).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _not_finite(stamped: Stamp, where: str) -> str:
    told = not_finite(tensors_in(Path(stamped[0]), where))
    return told and f"{where}: {told}; expected finite numbers; {AGAIN}, or convert it in float32"
