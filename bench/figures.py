"""Figures: what the rounds of a workload come to. Pure arithmetic; the ratio is taken within each round, where both sides met
the same machine, and only then is the median taken."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Figure", "Metric", "Reading", "figures_of", "percentile"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity that a workload measures.

    against: what stands in the column `raw`.  reach: the figure to reach, in words, empty where none was set.
    """

    name: str
    unit: str
    about: str
    against: str = "raw"
    reach: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric in one round.

    raw: the same by the yardstick in the same round, None where there is none.  n: tasks, agents or samples behind it.
    rows: the same by the second yardstick, where it ran.
    """

    value: float
    raw: float | None
    n: int
    rows: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over all rounds: the median with its lowest and highest round."""

    workload: str
    metric: Metric
    value: float
    low: float
    high: float
    raw: float | None
    ratio: float | None
    rows: float | None
    n: int
    runs: int

    def line(self, commit: str) -> dict[str, object]:
        """The figure as one JSON object; `rows` is there only where the second yardstick ran."""
        line: dict[str, object] = {
            "workload": self.workload,
            "metric": self.metric.name,
            "value": rounded(self.value),
            "unit": self.metric.unit,
            "raw": None if self.raw is None else rounded(self.raw),
            "ratio": None if self.ratio is None else rounded(self.ratio),
            "n": self.n,
            "runs": self.runs,
            "commit": commit,
        }
        if self.rows is not None:
            line["rows"] = rounded(self.rows)
        return line


def figures_of(workload: str, metrics: Sequence[Metric], rounds: Sequence[Mapping[str, Reading]]) -> list[Figure]:
    """One figure a metric, in the order of `metrics`.  Raises ValueError without rounds."""
    if not rounds:
        raise ValueError(f"{workload} measured no round")
    return [_figure(workload, metric, [each[metric.name] for each in rounds]) for metric in metrics]


def _figure(workload: str, metric: Metric, readings: Sequence[Reading]) -> Figure:
    values = [reading.value for reading in readings]
    raws = [reading.raw for reading in readings if reading.raw is not None]
    rows = [reading.rows for reading in readings if reading.rows is not None]
    ratios = [reading.value / reading.raw for reading in readings if reading.raw]
    return Figure(
        workload=workload,
        metric=metric,
        value=median(values),
        low=min(values),
        high=max(values),
        raw=median(raws) if raws else None,
        ratio=median(ratios) if ratios else None,
        rows=median(rows) if rows else None,
        n=readings[0].n,
        runs=len(readings),
    )


def percentile(samples: Sequence[int], share: float) -> int:
    """The smallest sample that at least `share` (above 0, at most 1) of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def rounded(value: float) -> float | int:
    """Five significant digits: more would claim what no machine repeats."""
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() and abs(short) >= 1 else short
