"""What leaves no record of its own, counted again from the rows that the journal has of it.

Owns the reading of those rows: tasks whose sender waits, how much was done within the last minute, how much of processor,
network and disk was used, what that cost, and who did most. A row has sums since its engine began; what lies between two of
them is their difference. Rows are written where something has happened: what has none is as it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["DayCount", "Span", "is_within"]

#: Kinds of records that are looked at.
ROW, TOP = "count", "top"
#: Seconds by which an instant may be read differently; that two looks are apart at least, and as a rule at most.
EDGE_S, LOOK_S, TURN_S = 0.05, 0.95, 2.5
#: Seconds of an engine within which what it uses by the second says nothing.
YOUNG_S = 2.0
#: Seconds of the two windows: of what happens, and of what is used.
MINUTE_S, SHORT_S = 60.0, 10.0
HOUR_S = 3_600.0
#: Digits to which an engine says when it began.
BEGAN_S = 0.005

Facts = Mapping[str, Any]


class Span(NamedTuple):
    """Between what a number was counted."""

    low: float
    high: float


class DayCount:
    """The rows. As `JournalCount` it is handed the records of a journal in order."""

    def __init__(self) -> None:
        self._rows: dict[tuple[float, int], Facts] = {}
        self._tops: dict[tuple[float, int], Facts] = {}

    def folded(self, kind: str, _key: Any, state: dict[str, Any]) -> None:
        """A record of a snapshot, or of the log."""
        if kind == ROW:
            self._rows[state["began_s"], state["number"]] = state
        elif kind == TOP:
            self._tops[state["began_s"], state["number"]] = state

    logged = folded

    def of(self, stats: Facts) -> list[Facts]:
        """The rows of the engine that a document is of, in order."""
        began_s = stats["time_s"] - stats["uptime_s"]
        return [row for (since_s, _), row in sorted(self._rows.items()) if abs(since_s - began_s) < BEGAN_S]

    def around(self, stats: Facts) -> tuple[Facts | None, Facts | None]:
        """The last row that is not after a document, and the first that is not before it."""
        rows, at_s = self.of(stats), stats["time_s"]
        before = [row for row in rows if row["time_s"] <= at_s]
        after = [row for row in rows if row["time_s"] >= at_s]
        return (before[-1] if before else None), (after[0] if after else None)

    def numbered(self, stats: Facts, number: int | None) -> Facts | None:
        """The row of that engine with this number; None where there is none."""
        return next((row for row in self.of(stats) if row["number"] == number), None)

    # -- how much within a while ---------------------------------------------------------------------------------------

    def grown(self, row: Facts, stats: Facts, count: Callable[[Facts], float], *, goes_on: bool = False) -> Span | None:
        """By how much a sum grew within the last minute; None where the rows do not reach that far back.

        goes_on: workers count it, so it may have grown while the document was made: it is no less than at the look before.
        """
        firsts = self._firsts(row, stats)
        if firsts is None:
            return None
        lasts = [row]
        if goes_on:
            until_s = row["clock_s"] - row["lag_s"] - EDGE_S
            lasts += [each for each in self._looks(row, stats) if each["clock_s"] <= until_s][-1:]
        grown = [count(last) - (0 if first is None else count(first)) for first in firsts for last in lasts]
        return Span(max(min(grown), 0), max(grown))

    def efficiency(self, row: Facts, stats: Facts) -> Span | None:
        """The share of the workers' time in which they ran tasks; what runs as a look begins counts from there on."""
        firsts = self._firsts(row, stats)
        if firsts is None or not row["workers"]:
            return None
        passed_s = min(row["clock_s"] - row["up_s"], MINUTE_S)
        if passed_s <= 0:
            return None
        shares = [(row["busy_s"] - (first["busy_s"] if first else 0.0)) / row["workers"] / passed_s for first in firsts]
        return Span(max(min(shares) - TURN_S / passed_s, 0.0), min(max(shares) + TURN_S / passed_s, 1.0))

    def used(self, row: Facts, stats: Facts, name: str) -> Span | None:
        """How much of something was used by the second; None where no row was written when that while began."""
        if row[name] is None:
            return None
        since_s = row["clock_s"] - SHORT_S
        if since_s <= row["up_s"]:
            passed_s = row["clock_s"] - row["up_s"]
            rates = [row[name] / passed_s] if passed_s > YOUNG_S else []
        else:
            firsts = self._looked_at(row, stats, since_s)
            pairs = [(first[name], first["clock_s"]) for first in firsts if first[name] is not None]
            rates = [(row[name] - used) / (row["clock_s"] - clock_s) for used, clock_s in pairs]
        if not rates:
            return None
        give = row["lag_s"] / min(row["clock_s"] - row["up_s"], SHORT_S)
        return Span(min(rates) * (1 - give), max(rates) * (1 + give))

    def _looked_at(self, row: Facts, stats: Facts, since_s: float) -> list[Facts]:
        """The rows of which one is of the last look before an instant; none where no row was written at that look."""
        near = [each for each in self._looks(row, stats) if since_s - LOOK_S < each["clock_s"] <= since_s + EDGE_S]
        is_sure = near and near[0]["clock_s"] <= since_s - row["lag_s"] - EDGE_S
        return near if is_sure else []

    def _looks(self, row: Facts, stats: Facts) -> list[Facts]:
        """The rows up to this one that were made in their usual turn."""
        return [each for each in self.of(stats) if each["is_look"] and each["number"] <= row["number"]]

    def _firsts(self, row: Facts, stats: Facts) -> list[Facts | None] | None:
        """The rows that a minute may begin with, None among them for the begin of the engine; None where they are gone."""
        looks = self._looks(row, stats)
        found: list[Facts | None] = []
        for edge_s in (-EDGE_S - row["lag_s"], EDGE_S):
            since_s = row["clock_s"] - MINUTE_S + edge_s
            firsts = [each for each in looks if each["clock_s"] <= since_s]
            if not firsts and since_s > row["up_s"] and not (looks and looks[0]["number"] == 0):
                return None
            found.append(firsts[-1] if firsts else None)
        return found

    # -- what it cost, who did most ------------------------------------------------------------------------------------

    @staticmethod
    def cost(row: Facts) -> Span | None:
        """What cpu and machine have cost; None where nothing has a price."""
        if row["prices"] is None or row["cpu_s"] is None:
            return None
        cpu_hour, machine_hour = row["prices"]
        high = (row["cpu_s"] * cpu_hour + (row["clock_s"] - row["up_s"]) * machine_hour) / HOUR_S
        return Span(high - (row["lag_s"] + EDGE_S) * machine_hour / HOUR_S, high + EDGE_S * machine_hour / HOUR_S)

    def most(self, row: Facts, has: Callable[[str, Any], bool]) -> Counter[str] | None:
        """Tasks by agent of those who did most, by address; None where that was not written. has: whether an agent is there."""
        told = self._tops.get((row["began_s"], row["number"]))
        if told is None:
            return None
        counts: Counter[str] = Counter()
        for kind, key, count in _chained(told["workers"]):
            if has(kind, key):
                counts[f"{kind}/{key}"] += count
        return counts


def _chained(workers: Iterable[Iterable[list[Any]]]) -> Iterable[list[Any]]:
    return (entry for worker in workers for entry in worker)


def is_within(number: float | None, span: Span, give: float = 0.0) -> bool:
    """Whether a number that is shown is one that was counted. give: how much it may be off, as a share."""
    if number is None:
        return False
    off = max(abs(span.low), abs(span.high)) * give
    return span.low - off - math.ulp(1.0) <= number <= span.high + off + math.ulp(1.0)
