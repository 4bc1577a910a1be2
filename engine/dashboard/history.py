"""The figures of the last minutes, for curves.

Owns a bounded row of points, one for each document that was seen, in the order of their time, and how they become as many
columns as there is room for. Pure. A gap stays a gap: nobody looked then, or the engine was away.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

__all__ = ["SPAN_S", "SPEED", "History", "Point"]

#: Points that are kept: an hour, one a second.
POINTS = 3_600
#: Seconds that curves show.
SPAN_S = 300.0
#: Seconds between two points past which nothing is known of what was between them.
GAP_S = 15.0
#: Seconds over which a speed is taken: between two looks it jumps.
LATELY_S = 5.0
#: The name of the curve of tasks that ended in a second; the others are fields of `Point`.
SPEED = "speed"


class Point(NamedTuple):
    """What was counted at one time. Counts grow; what is None was not known."""

    time_s: float
    ended: int | None
    queue: int | None
    errors_per_min: float | None
    cpu: float | None
    memory_bytes: float | None


def _point(document: Mapping[str, Any]) -> Point:
    tasks, performance = document.get("tasks") or {}, document.get("performance") or {}
    resources = document.get("resources") or {}
    complete, failed = tasks.get("complete"), tasks.get("failed")
    return Point(
        float(document["time_s"]),
        None if complete is None else complete + (failed or 0),
        tasks.get("queue"),
        performance.get("errors_per_min"),
        resources.get("cpu"),
        resources.get("memory_bytes"),
    )


class History:
    """The points that are known."""

    def __init__(self) -> None:
        self._points: list[Point] = []

    def __len__(self) -> int:
        return len(self._points)

    def add(self, document: Mapping[str, Any]) -> None:
        """Take an overview in, in its place in time; one of a time that is known says nothing new."""
        point = _point(document)
        at = bisect_left(self._points, (point.time_s,))
        if at < len(self._points) and self._points[at].time_s == point.time_s:
            return
        insort(self._points, point, key=lambda one: one.time_s)
        if len(self._points) > POINTS:
            del self._points[0]

    def within(self, end_s: float, span_s: float = SPAN_S) -> list[Point]:
        """The points of a stretch of time."""
        begin = bisect_left(self._points, (end_s - span_s,))
        return self._points[begin : bisect_left(self._points, (end_s + 1e-6,))]

    def _growth(self, end_s: float, span_s: float) -> list[tuple[float, int, float]]:
        """When there was a look, how many tasks had ended since the one before it, and how many seconds lie between."""
        points = self.within(end_s, span_s)
        return [
            (after.time_s, after.ended - before.ended, after.time_s - before.time_s)
            for before, after in pairwise(points)
            if before.ended is not None
            and after.ended is not None
            and after.ended >= before.ended  # else the engine began anew
            and after.time_s - before.time_s < GAP_S
        ]

    def speeds(self, end_s: float, columns: int, span_s: float = SPAN_S) -> list[float | None]:
        """Tasks that ended in a second, by column; None where that is not known."""
        rates = [(at_s, ended / passed_s) for at_s, ended, passed_s in self._growth(end_s, span_s)]
        return _columns(rates, end_s, columns, span_s)

    def values(self, name: str, end_s: float, columns: int, span_s: float = SPAN_S) -> list[float | None]:
        """A figure by column, by the name of its field in `Point`."""
        known = [(point.time_s, getattr(point, name)) for point in self.within(end_s, span_s)]
        return _columns([(at_s, value) for at_s, value in known if value is not None], end_s, columns, span_s)

    def newest(self, name: str, end_s: float) -> float | None:
        """A figure as it was seen last, or the speed of the last seconds; None where nobody has looked lately."""
        if name == SPEED:
            growth = self._growth(end_s, GAP_S)
            late = [(ended, passed_s) for at_s, ended, passed_s in growth if at_s > growth[-1][0] - LATELY_S]
            return sum(ended for ended, _ in late) / sum(passed_s for _, passed_s in late) if late else None
        values = (getattr(point, name) for point in reversed(self.within(end_s, GAP_S)))
        return next((float(value) for value in values if value is not None), None)

    def curve(self, name: str, end_s: float, columns: int) -> list[float | None]:
        """A figure by column, the last of which is the newest: so that a curve ends where the figure beside it stands."""
        values = self.speeds(end_s, columns) if name == SPEED else self.values(name, end_s, columns)
        now = self.newest(name, end_s)
        return values if now is None else [*values[:-1], now]


def _columns(known: list[tuple[float, float]], end_s: float, columns: int, span_s: float) -> list[float | None]:
    """The mean of each column; one without a value repeats the one before it for as long as that may still be true."""
    sums: list[list[float]] = [[] for _ in range(columns)]
    width_s = span_s / max(columns, 1)
    for at_s, value in known:
        # a column is a fixed stretch of the clock, so that a curve moves as a whole and does not flicker
        column = columns - 1 - (int(end_s // width_s) - int(at_s // width_s))
        if 0 <= column < columns:
            sums[column].append(value)
    shown: list[float | None] = []
    silent_s = 0.0
    for values in sums:
        silent_s = 0.0 if values else silent_s + width_s
        before = shown[-1] if shown else None
        shown.append(sum(values) / len(values) if values else before if silent_s <= GAP_S else None)
    return shown
