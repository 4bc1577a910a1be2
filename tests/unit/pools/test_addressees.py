"""Whom the tasks at a link are for: those sent and not answered, and those before it, each agent once."""

from __future__ import annotations

from typing import Any

from pools.addressees import addressees
from pools.again import Flight
from pools.chute import ColumnLane
from pools.lane import Lane

SINK: Any = None
LINK: Any = None


def flight(kind: str, *keys: int | str) -> Flight:
    return Flight(SINK, [object() for _ in keys], 0.0, {"k": kind, "i": keys})


def test_each_agent_counts_once_and_not_those_that_were_answered() -> None:
    partly = flight("a", 1, 2, 3)
    partly.mark({"i": [0]}, 1)
    partly.left -= 1
    assert addressees([partly, flight("a", 3, 4), flight("b", 4, "x")], [], 100) == {"a": {2, 3, 4}, "b": {4, "x"}}


def test_what_waits_counts_in_whatever_form() -> None:
    lane = Lane(LINK, "a", SINK)
    lane.rows += ["token", 7, "method", None, "token", 8, "method", None]
    columns = ColumnLane(LINK, "a", SINK)
    columns.add(((1, 2), (8, 9), ("m", "m"), (None, None)), is_plain=True)
    columns.add(((3,), (10,), ("m",), (None,)), is_plain=True)
    assert addressees([], [lane, columns], 100) == {"a": {7, 8, 9, 10}}
    columns.cut(1)  # the task for 8 has left
    assert addressees([], [columns], 100) == {"a": {9, 10}}


def test_no_more_are_looked_at_than_is_said() -> None:
    assert addressees([flight("a", *range(10)), flight("a", *range(10, 20))], [], 12) == {"a": set(range(12))}
