"""What processes used is added up over those that came and went, and what was before does not count."""

from __future__ import annotations

from engine.consumption import Consumption


def test_processes_come_and_go() -> None:
    used: dict[int, float | None] = {1: 100.0, 2: 0.0}
    sums = Consumption(lambda pid: used.get(pid), (1,))
    assert sums.total is None, "nobody was looked at yet"
    used |= {1: 101.0, 2: 5.0}
    sums.look([1, 2])
    assert sums.total == 6.0
    used |= {1: 102.0, 3: 7.0}
    del used[2]
    sums.look([1, 3])
    assert sums.total == 14.0
    used[2] = 1.0  # another process with its number
    sums.look([1, 2, 3])
    assert sums.total == 15.0


def test_what_cannot_be_read_is_not_known_or_stays_as_it_was() -> None:
    sums = Consumption(lambda _pid: None)
    sums.look([1])
    assert sums.total is None
    said: list[float | None] = [5.0, None, 6.0]
    sums = Consumption(lambda _pid: said.pop(0))
    for _ in range(3):
        sums.look([1])
    assert sums.total == 6.0
