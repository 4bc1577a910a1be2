"""A sender has one lane for each kind behind each link, and takes back its own tasks only."""

from __future__ import annotations

from typing import Any

from pools.lane import Lane
from pools.link import Link
from pools.ways import Ways
from tests.support.clocks import Clock
from tests.support.wires import Sink, Wire, fill, queued


class Way:
    """A link and what left over it."""

    def __init__(self, window: int = 10) -> None:
        clock = Clock()
        self.wire = Wire()
        self.link = Link(window=window, clock=clock.s, later=clock.later)
        self.link.attach(self.wire)


class Setup:
    """The ways of one sender over two links."""

    def __init__(self, window: int = 10) -> None:
        self.one, self.two = Way(window), Way(window)
        self.sink = Sink()
        self.ways = Ways(self.sink, Lane)

    def put(self, way: Way, *tokens: Any, kind: str = "counter") -> None:
        fill(self.ways.lane_of(way.link, kind), *((token, token, "add", 1) for token in tokens))


def test_there_is_one_lane_for_each_kind_behind_each_link() -> None:
    setup = Setup()
    lanes = [setup.ways.lane_of(way.link, kind) for way in (setup.one, setup.two) for kind in ("counter", "other")]
    again = [setup.ways.lane_of(way.link, kind) for way in (setup.one, setup.two) for kind in ("counter", "other")]
    assert len(set(map(id, lanes))) == 4
    assert all(lane is same for lane, same in zip(lanes, again, strict=True))
    assert list(setup.ways.lanes()) == lanes
    assert [(lane.link, lane.kind) for lane in lanes[1:3]] == [(setup.one.link, "other"), (setup.two.link, "counter")]


def test_what_waits_leaves_in_one_message_for_each_link() -> None:
    setup = Setup()
    setup.put(setup.one, 1, 2)
    setup.put(setup.one, 3, kind="other")
    setup.put(setup.two, 4)
    assert setup.one.wire.sent == setup.two.wire.sent == []
    setup.ways.flush()
    assert [(section["k"], list(section["i"])) for section in setup.one.wire.sections] == [("counter", [1, 2]), ("other", [3])]
    assert setup.two.wire.keys == [4]
    assert (len(setup.one.wire.sent), len(setup.two.wire.sent)) == (1, 1)
    setup.ways.flush()
    assert (len(setup.one.wire.sent), len(setup.two.wire.sent)) == (1, 1)


def test_taking_back_reaches_every_link_and_no_other_sender() -> None:
    setup, other = Setup(window=2), Sink()
    setup.put(setup.one, "a", "b", "c")
    setup.put(setup.two, "x", "y", "z")
    setup.ways.flush()
    setup.one.link.offer([queued(setup.one.link, other, ["o"])])
    setup.ways.cancel()
    assert setup.sink.failed_with("TaskCancelled") == {"c", "z"}
    assert setup.one.wire.orders == setup.two.wire.orders == [{"verb": "cancel", "sections": [1]}]
    assert (other.answers, setup.one.link.waiting) == ({}, 1)


def test_single_tasks_are_taken_back_by_their_token_wherever_they_are() -> None:
    setup = Setup(window=2)
    setup.put(setup.one, "a", "b", "c")
    setup.put(setup.two, "x", "y", "z")
    setup.ways.flush()
    setup.ways.cancel_where(lambda token: token in ("b", "z"))
    assert setup.sink.failed_with("TaskCancelled") == {"z"}
    assert setup.one.wire.orders == [{"verb": "cancel", "sections": [1], "position": 1}]
    assert setup.two.wire.orders == []
