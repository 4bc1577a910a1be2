"""Whether one way is better than another: pairs of figures, the mean of their ratios, and how sure that is.

Pure. Ratios are averaged as logarithms, so that twice and half weigh the same; the interval is Student's, of 95 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["REPEATS", "Comparison", "compared"]

#: Two-sided quantiles of Student's t for 95 %, by degrees of freedom from 1 on. Source: any table of it.
T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093),
)
#: Pairs at least and at most.
REPEATS = range(2, len(T95) + 2)


class Comparison(NamedTuple):
    """How much the second way has of the first: 1.0 is as much. low, high: the interval that it is in, 95 times of 100."""

    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """In words; `no gain` wherever as much, or less, is within the interval."""
        if self.low > 1:
            return "gain"
        return "loss" if self.high < 1 else "no gain"


def compared(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """The comparison of figures above 0 that were taken in pairs. Raises ValueError for too few, too many, or no pairs."""
    if len(first) != len(second) or len(first) not in REPEATS:
        raise ValueError(f"{REPEATS[0]} to {REPEATS[-1]} pairs, not {len(first)} and {len(second)} figures")
    logs = [math.log(other / one) for one, other in zip(first, second, strict=True)]
    middle = statistics.fmean(logs)
    half = T95[len(logs) - 2] * statistics.stdev(logs) / math.sqrt(len(logs))
    return Comparison(math.exp(middle), math.exp(middle - half), math.exp(middle + half))
