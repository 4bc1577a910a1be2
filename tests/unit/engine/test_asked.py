"""How many agents are asked: looked at again after a rest that goes with the work, and never more than there are tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engine.asked import REST, Asked
from pools.again import Flight

SINK: Any = None


class Rig:
    """A link with tasks in flight, accepted ones behind it, and two clocks."""

    def __init__(self) -> None:
        self.now_s = self.used_s = 0.0
        self.behind: list[tuple[object, str, int]] = []
        self.sick: list[dict[str, Any]] = []
        self.link: Any = SimpleNamespace(flights={}, lanes=(), waiting=0, open=0)
        way: Any = SimpleNamespace(waiting=self.behind)
        self.asked = Asked(lambda _link: way, lambda: self.sick, lambda: self.now_s, self.cpu_s)

    def cpu_s(self) -> float:
        """Each look takes 10 ms."""
        self.used_s += 0.01
        return self.used_s

    def send(self, *keys: int) -> None:
        """Have tasks in flight."""
        flight = Flight(SINK, [object() for _ in keys], 0.0, {"k": "a", "i": keys})
        self.link.flights[len(self.link.flights)] = flight
        self.link.open += len(keys)

    def count(self) -> int:
        """How many agents are asked, as it is told."""
        return self.asked.count(self.link)


def test_each_agent_counts_once_wherever_its_tasks_are_and_none_in_quarantine() -> None:
    rig = Rig()
    rig.send(1, 2, 2, 3)
    rig.behind += [(None, "a", 3), (None, "a", 4), (None, "b", 4)]
    rig.sick.append({"agent": "a/2"})
    assert rig.count() == len({("a", 1), ("a", 3), ("a", 4), ("b", 4)})


def test_a_look_is_followed_by_a_rest_and_what_has_ended_meanwhile_counts_no_more() -> None:
    rig = Rig()
    rig.send(1, 2, 3)
    assert rig.count() == 3
    rig.send(4)
    assert rig.count() == 3, "it rests"
    rig.now_s += 0.01 * REST
    assert rig.count() == 4
    rig.link.flights.clear()
    assert rig.count() == 0, "without a look"
