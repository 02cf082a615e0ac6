"""How many cases a paired comparison needs: the power of the two-sided paired t test.

With d_z the true difference in standard deviations of the differences, t has a noncentral t law of
n - 1 degrees of freedom and noncentrality d_z sqrt(n) (Cohen 1988, chapter 2). The sign-flip test
of the tables has nearly the same power.
"""

import math

import numpy as np
from scipy.special import nctdtr, stdtrit

from ids.results.significance import ALPHA

POWER = 0.8
MOST = 10**7  # cases: a difference that needs more is none


def power(effect: float, n: int) -> float:
    """The probability that n cases show an effect of this d_z at the 5 % level."""
    critical, shift = stdtrit(n - 1, 1 - ALPHA / 2), abs(effect) * math.sqrt(n)
    missed, opposite = nctdtr(n - 1, shift, critical), 1 - nctdtr(n - 1, -shift, critical)
    return float(1 - np.nan_to_num(missed) + np.nan_to_num(opposite))  # nan: too small for scipy


def detectable_effect(n: int) -> float:
    """The smallest d_z that n cases show with 80 % power; nan below two cases."""
    if n < 2:
        return math.nan
    low, high = 0.0, 1.0 / math.sqrt(n)
    while power(high, n) < POWER:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, n) >= POWER else (middle, high)
    return high


def cases_needed(effect: float) -> float:
    """The smallest number of cases that shows this d_z with 80 % power: an integer, inf where no
    number below ten million does, nan for an undefined effect.
    """
    if math.isnan(effect):
        return math.nan
    low, high = 1, 2
    while power(effect, high) < POWER:
        low, high = high, 2 * high
        if high > MOST:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle) >= POWER else (middle, high)
    return float(high)
