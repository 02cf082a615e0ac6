"""Numbers in JSON, which has no nan and no infinity: the one place where they are converted."""

import math
from typing import Literal

Number = float | Literal["inf", "-inf"] | None


def to_number(value: float) -> Number:
    """As records and logs hold it: nan (not defined) is null, infinity is text."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def to_float(number: Number) -> float:
    """The float of a stored number."""
    if type(number) is float:  # nearly all
        return number
    return math.nan if number is None else float(number)
