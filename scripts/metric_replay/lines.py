"""The lines of the comparison, and how near a number must be to the recorded one."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ids.core.weight_files import one_line


@dataclass(frozen=True)
class Line:
    """The outcome of one comparison."""

    name: str  # `100000000000/reference/psnr_unedit_part`
    status: Literal["ok", "FAIL", "skipped"]
    detail: str = ""  # the difference, or why it was skipped

    def __str__(self) -> str:
        return f"{self.name:72} {self.status:8} {self.detail}".rstrip()


@dataclass(frozen=True)
class Tolerance:
    """The largest difference that is float32 rounding: `absolute` + `relative` * |recorded|."""

    absolute: float = 0.0
    relative: float = 0.0

    def around(self, recorded: float) -> float:
        """The largest difference at this recorded number."""
        return self.absolute + self.relative * abs(recorded)


Recorded = float | str | None


def number_line(name: str, found: float, recorded: Recorded, tolerance: Tolerance) -> Line:
    """A number against the recorded one; `nan` and infinity must be reproduced as such."""
    if recorded is None:
        return Line(name, "skipped", "not recorded")
    try:
        wanted = float(recorded)
    except (TypeError, ValueError):
        return Line(name, "FAIL", f"expected a recorded number; got {_short(recorded)}")
    if not (math.isfinite(found) and math.isfinite(wanted)):
        return exact_line(name, str(found), str(wanted))
    difference = abs(found - wanted)
    status: Literal["ok", "FAIL"] = "ok" if difference <= tolerance.around(wanted) else "FAIL"
    return Line(name, status, f"{difference:.1e}")


def exact_line(name: str, found: Any, recorded: Any) -> Line:
    """Hashes, counts, token ids."""
    if found == recorded:
        return Line(name, "ok", "equal")
    return Line(name, "FAIL", f"{_short(found)} instead of {_short(recorded)}")


def tensor_line(name: str, found: Tensor, recorded: Tensor, tolerance: Tolerance) -> Line:
    """The largest difference of two tensors of one shape."""
    if found.shape != recorded.shape:
        return exact_line(name, list(found.shape), list(recorded.shape))
    difference = (found.detach().cpu().double() - recorded.double()).abs()
    allowed = tolerance.absolute + tolerance.relative * recorded.double().abs()
    good = bool(torch.isfinite(difference).all() and (difference <= allowed).all())
    return Line(name, "ok" if good else "FAIL", f"{float(difference.max()):.1e}")


def guarded(name: str, lines: Iterable[Line]) -> Iterator[Line]:
    """The lines; what ends them early is a FAIL of this name, and costs no other line."""
    try:
        yield from lines
    except Exception as error:  # any fault of a foreign folder
        yield Line(name, "FAIL", f"{type(error).__name__}: {one_line(error)}")


def missing_lines(
    wanted: Sequence[str], lines: Sequence[Line], status: Literal["FAIL", "skipped"]
) -> Iterator[Line]:
    """A line of this status for every recorded number, by its name, that no line compares."""
    compared = {line.name for line in lines}
    yield from (Line(name, status, "not compared") for name in wanted if name not in compared)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
