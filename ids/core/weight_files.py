"""Files of weights and their configurations, read without running code in them. A bad file raises
a `WeightsError` of one line that names the file and its fault.
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
CODE = ("auto_map", "trust_remote_code")  # keys by which configurations make libraries run code
VOCABULARY = (  # the files of a tokenizer of transformers
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)
NAMED = 3  # tensors that a message names; the others are counted
MESSAGE = 300  # characters of another library's message that are shown
LONGEST = 100_000_000  # bytes of a header: the limit of the format
MOST = 10**13  # bytes of a file: a header that claims more is damaged, not cut short


class Header(NamedTuple):
    """The entry of one tensor in the header of a safetensors file; `dtype` as in F32, I64."""

    shape: tuple[int, ...]
    dtype: str


def stamp(file: Path) -> Stamp:
    """Path, inode, size and time of change: differs when the file changes, without reading it."""
    found = file.stat()
    return str(file), found.st_ino, found.st_size, found.st_mtime_ns


def digest_of(file: Path) -> str:
    """SHA-256 of the content, in hexadecimal. The file is read again only if it has changed."""
    return _digest(stamp(file))


def one_line(error: BaseException) -> str:
    """Another library's message without line breaks, cut if it is long."""
    message = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return message if len(message) <= MESSAGE else message[:MESSAGE] + "..."


def read_json(file: Path, where: str) -> dict[str, Any]:
    """A JSON object; `where` names the file in messages. `WeightsError` for anything else, and
    for one that would make a library run code, at any depth.
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
    code = next((key for key, value in _entries(found) if key in CODE and value), None)
    if code:
        raise WeightsError(
            f"{where}: expected a configuration that runs no code; it asks for {code}; "
            "code from model folders is never run: choose a folder without it"
        )
    return found


def headers_in(file: Path, where: str) -> dict[str, Header]:
    """Shape and dtype of every tensor of a safetensors file by name; no tensor is read."""
    from safetensors import safe_open

    check_content(file, where)
    try:
        with safe_open(file, "pt") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            return {n: Header(tuple(s.get_shape()), s.get_dtype()) for n, s in slices.items()}
    except Exception as error:  # safetensors has several, and OSError
        raise WeightsError(
            f"{where}: expected a safetensors file; {_what_it_is(file, error)}"
        ) from error


def tensors_in(file: Path, where: str) -> Iterator[tuple[str, Tensor]]:
    """Name and tensor, for every tensor of a safetensors file."""
    from safetensors import safe_open

    names = headers_in(file, where)
    with safe_open(file, "pt") as tensors:
        for name in names:
            yield name, tensors.get_tensor(name)


def check_finite(file: Path, where: str) -> None:
    """`WeightsError` if a tensor of this safetensors file holds NaN or infinity. The file is read
    again only if it has changed.
    """
    if fault := _not_finite(stamp(file), where):
        raise WeightsError(fault)


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """`conv_out.bias holds NaN`, and how many more; empty if all are finite."""
    held = [(name, kind) for name, tensor in tensors if (kind := _kind(tensor))]
    if not held:
        return ""
    more = f" and {len(held) - 1} more tensors too" if len(held) > 1 else ""
    return f"{held[0][0]} holds {held[0][1]}{more}"


def differences(wanted: Shapes, found: Shapes) -> str:
    """Number and names of missing, extra and wrong-shaped tensors; empty if there are none."""
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
    """`WeightsError` if the file is missing, empty, a git-lfs pointer or a web page."""
    if not file.is_file():
        raise WeightsError(f"{where}: expected a file; it does not exist; {AGAIN}")
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
    """The fault of a file that safetensors refuses: a pickle, cut short, damaged, another kind."""
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
    """The end of the last tensor in bytes, by a header that may be damaged; 0 if it is."""
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name[:2] != "__"]
        return int(max(ends))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return 0


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and its value at any depth (the JSON parser has bounded it)."""
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
    ends = torch.stack(torch.aminmax(wide))  # NaN anywhere makes both NaN
    return "NaN" if ends.isnan().any() else "infinity" if ends.isinf().any() else ""


@cache
def _digest(stamped: Stamp) -> str:
    with Path(stamped[0]).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _not_finite(stamped: Stamp, where: str) -> str:
    fault = not_finite(tensors_in(Path(stamped[0]), where))
    return fault and f"{where}: {fault}; expected finite numbers; {AGAIN}, or convert it in float32"
