"""A removal is written down first, told to each worker until it has heard, and settled then; new agents wait for that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.errors import PoolError, PoolUnavailable, WorkerDied
from pools.events import Event
from pools.placement import Placement
from pools.removals import Removals, lots
from pools.spec import NAMES_AT_ONCE, PoolSpec
from tests.support.processes import until


class Seat:
    """A worker by hand: each request fails with the next error of its list, None for none."""

    def __init__(self, log: list[Any], *errors: PoolError | None) -> None:
        self.name = "p"
        self.state = "running"
        self.errors = list(errors)
        self._log = log

    async def request(self, verb: str, **facts: Any) -> int:
        """Note what is asked, unless it fails."""
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self._log.append((verb, facts["ranges"], facts["names"]))
        return 0


class Pool:
    def __init__(self, *seats: Seat) -> None:
        self.seats = seats


class Roster:
    """Notes what is written down."""

    def __init__(self, log: list[Any], *left: Any) -> None:
        self._log = log
        self._left = left
        self.error: BaseException | None = None

    def going(self) -> Any:
        """What was left."""
        return self._left

    async def removed(self, kind: str, ranges: Any, names: Any) -> int:
        """Note it, or fail."""
        if self.error is not None:
            raise self.error
        self._log.append("removed")
        return 7

    async def settled(self, kind: str, number: int) -> None:
        """Note it."""
        self._log.append(("settled", number))


class Rig:
    def __init__(self, *errors: PoolError | None, is_kept: bool = True, left: Any = ()) -> None:
        self.log: list[Any] = []
        self.events: list[Event] = []
        self.placement = Placement([PoolSpec("p", agents=1_000)], 1_000)
        self.placement.add_range("counter", 10)
        self.placement.add_names("counter", ["a"])
        self.seat = Seat(self.log, *errors)
        self.roster = Roster(self.log, *left)
        pools: Any = [Pool(self.seat)]
        roster: Any = self.roster if is_kept else None
        self.removals = Removals(self.placement, pools, roster, lambda _exists: self.log.append("forget"), self.events.append)


async def test_it_is_written_down_then_told_then_settled() -> None:
    rig = Rig()
    assert await rig.removals.remove("counter", [(3, 5)], ["a", "b"]) == 3
    assert rig.log == ["removed", ("remove", [[3, 5]], ["a"]), ("settled", 7), "forget"]
    assert [event.name for event in rig.events] == ["agents.removed"]
    assert await rig.removals.remove("counter", [(3, 5)], ["a"]) == 0
    assert len(rig.log) == 4


async def test_with_state_in_memory_a_worker_that_is_away_has_nothing_to_hear() -> None:
    rig = Rig(WorkerDied("gone"), is_kept=False)
    assert await rig.removals.remove("counter", [(0, 2)], []) == 2
    assert rig.log == ["forget"]


async def test_a_worker_that_is_away_is_told_when_it_is_back_and_spawns_wait_for_it() -> None:
    rig = Rig(WorkerDied("gone"), PoolUnavailable("not yet"))
    removing = asyncio.ensure_future(rig.removals.remove("counter", [(0, 2)], []))
    await until(lambda: rig.log)
    assert rig.removals.is_going("counter")
    assert not rig.removals.is_going("other")
    await rig.removals.settled("other")
    await rig.removals.settled("counter")
    assert rig.log[:3] == ["removed", ("remove", [[0, 2]], []), ("settled", 7)]
    assert await removing == 2
    assert not rig.removals.is_going("counter")


async def test_what_cannot_be_written_down_is_not_removed() -> None:
    rig = Rig()
    rig.roster.error = PoolUnavailable("no disk")
    with pytest.raises(PoolUnavailable):
        await rig.removals.remove("counter", [(3, 5)], ["a"])
    assert rig.placement.page("counter", 0, 99) == [*range(10), "a"]
    assert rig.log == []
    assert not rig.removals.is_going("counter")


async def test_a_worker_that_goes_down_meanwhile_leaves_it_to_be_carried_on() -> None:
    rig = Rig(WorkerDied("gone"))
    rig.seat.errors = [WorkerDied("gone")] * 3
    removing = asyncio.ensure_future(rig.removals.remove("counter", [(0, 2)], []))
    await until(lambda: len(rig.seat.errors) < 3)
    rig.seat.state = "down"
    with pytest.raises(PoolUnavailable):
        await removing
    assert rig.removals.is_going("counter")
    with pytest.raises(PoolUnavailable):
        await rig.removals.settled("counter")
    rig.seat.state, rig.seat.errors = "running", []
    await rig.removals.settled("counter")
    assert rig.log[-1] == ("settled", 7)


async def test_what_a_process_before_left_is_carried_on() -> None:
    rig = Rig(left=[("counter", [], {0: ["z"]}, 4)])
    assert rig.removals.is_going("counter")
    rig.removals.resume()
    await rig.removals.settled("counter")
    assert rig.log == [("remove", [], ["z"]), ("settled", 4)]


def test_names_go_in_lists_that_fit() -> None:
    names = [str(number) for number in range(NAMES_AT_ONCE + 1)]
    assert [len(part) for part in lots(names)] == [NAMES_AT_ONCE, 1]
    assert lots([]) == []
