"""A task hangs when its process computes, or stands still, for a second without its end; nothing else is a hang."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from pools.gauges import BUSY_SINCE_NS, CELLS, DONE, POSITION, SECTION, TICKS
from pools.heartbeat import BLIND_S, HANG_S, LOOK_S, SPINS, STALLS, Heartbeat


class Watched:
    """A process by hand: its gauges, its processor time, its state; looked at every LOOK_S seconds."""

    def __init__(self, limit_s: float = HANG_S) -> None:
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.heartbeat = Heartbeat(self.cells)
        self.now_s = 1_000.0
        self.cpu_s = 50.0
        self.is_asleep = False
        self.limit_s = limit_s
        self.reads = 0

    def begin(self, position: int = 0) -> None:
        """A task begins."""
        self.cells[SECTION], self.cells[POSITION] = 1, position
        self.cells[BUSY_SINCE_NS] = int(self.now_s * 1e9)

    def look(self, after_s: float = LOOK_S, cpu: float = 0.0) -> str | None:
        """What is found so many seconds later, of which the process computed a share."""
        self.now_s += after_s
        self.cpu_s += after_s * cpu
        return self.heartbeat.look(self.now_s, self._read, lambda: self.is_asleep, self.limit_s)

    def looks(self, count: int, each: Callable[[], None] = lambda: None, cpu: float = 0.0) -> set[str | None]:
        """Everything that is found in so many looks."""
        found = set()
        for _ in range(count):
            each()
            found.add(self.look(cpu=cpu))
        return found

    def _read(self) -> float:
        self.reads += 1
        return self.cpu_s


def test_a_task_that_computes_for_a_second_spins() -> None:
    watched = Watched()
    watched.begin()
    found = [watched.look(cpu=1.0) for _ in range(12)]
    assert found.index(SPINS) * LOOK_S == pytest.approx(HANG_S)


def test_a_task_that_stands_still_for_a_second_stalls() -> None:
    watched = Watched()
    watched.begin()
    watched.is_asleep = True
    found = [watched.look() for _ in range(12)]
    assert found.index(STALLS) * LOOK_S == pytest.approx(HANG_S)


def test_a_task_of_just_less_than_its_limit_is_no_hang() -> None:
    """Also where it began right before a look."""
    watched = Watched()
    watched.begin()
    assert watched.look(0.001, cpu=1.0) is None
    assert watched.looks(9, cpu=1.0) == {None}
    assert watched.look(0.09, cpu=1.0) is None


def test_a_process_that_gets_no_processor_is_never_convicted() -> None:
    watched = Watched()
    watched.begin()
    assert watched.looks(10_000) == {None}


def test_a_process_that_gets_a_fiftieth_of_a_processor_is_convicted_by_what_it_computed() -> None:
    watched = Watched()
    watched.begin()
    found = [watched.look(cpu=0.02) for _ in range(600)]
    assert found.index(SPINS) * LOOK_S * 0.02 == pytest.approx(HANG_S, abs=0.01)


@pytest.mark.parametrize("limit_s", [0.01, 0.05, LOOK_S])
def test_a_starved_process_is_not_convicted_by_a_limit_shorter_than_a_look(limit_s: float) -> None:
    watched = Watched(limit_s)
    watched.begin()
    assert watched.looks(1_000) == {None}
    assert watched.look(cpu=1.0) == SPINS


def test_standing_still_counts_only_without_a_pause() -> None:
    watched = Watched()
    watched.begin()
    for _ in range(50):
        watched.is_asleep = True
        assert watched.looks(9) == {None}
        watched.is_asleep = False
        assert watched.look() is None


def test_many_short_tasks_are_no_hang_however_long_they_go_on(chance: Random) -> None:
    watched = Watched()
    watched.begin()

    def more() -> None:
        watched.cells[chance.choice([POSITION, SECTION, TICKS, DONE])] += 1

    assert watched.looks(1_000, more, cpu=1.0) == {None}


def test_an_async_task_that_yields_is_no_hang() -> None:
    """Each of its steps begins anew, at another time."""
    watched = Watched()
    assert watched.looks(1_000, watched.begin, cpu=1.0) == {None}


def test_a_worker_that_waits_is_no_hang_and_costs_no_look_at_its_process() -> None:
    watched = Watched()
    watched.is_asleep = True
    assert watched.looks(1_000, cpu=1.0) == {None}
    assert watched.reads == 0
    assert watched.heartbeat.pulse is None


def test_who_stood_still_itself_concludes_nothing_from_the_time_that_passed() -> None:
    for is_asleep, found in ((False, SPINS), (True, STALLS)):
        watched = Watched()
        watched.begin()
        watched.is_asleep = is_asleep
        watched.looks(8, cpu=not is_asleep)
        assert watched.look(30.0, cpu=not is_asleep) is None
        assert watched.look(BLIND_S + 0.01, cpu=not is_asleep) is None
        assert watched.looks(9, cpu=not is_asleep) == {None}
        assert found in watched.looks(2, cpu=not is_asleep)


def test_a_task_that_follows_begins_with_nothing_against_it() -> None:
    watched = Watched()
    watched.begin(0)
    assert watched.looks(10, cpu=1.0) == {None}
    pulse = watched.heartbeat.pulse
    watched.begin(1)
    assert watched.looks(10, cpu=1.0) == {None}
    assert watched.heartbeat.pulse not in (pulse, None)
    assert SPINS in watched.looks(2, cpu=1.0)


def test_a_limit_of_a_methods_own_is_the_limit() -> None:
    watched = Watched(limit_s=30.0)
    watched.begin()
    assert watched.looks(299, cpu=1.0) == {None}
    assert SPINS in watched.looks(4, cpu=1.0)
