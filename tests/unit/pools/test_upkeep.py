"""Agents are made and removed in batches; what was kept of the removed is recorded as gone, and nothing else."""

from __future__ import annotations

from typing import Any

from pools import upkeep
from pools.counter import Counter
from pools.errors import UnknownAgent
from pools.logbook import Logbook
from pools.upkeep import held_up, remove, warm
from tests.support.agents import Waiter
from tests.support.kept import House
from tests.support.rigs import Answers, Rig


class Timers:
    """Notes whose timers are stopped, among some."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.stopped: list[str] = []

    def stop_timers(self, is_meant: Any) -> None:
        """Note them."""
        self.stopped += filter(is_meant, self.addresses)


async def test_objects_are_made_for_those_that_there_are() -> None:
    rig, counts = Rig(Counter, agents=250), []
    residents = rig.kinds["counter"]
    assert await warm(residents, 100, 400, lambda: counts.append(residents.live_count)) == 150
    assert counts == [100, 150]


async def test_the_removed_have_no_object_no_state_and_no_place() -> None:
    rig = Rig(Counter, agents=10)
    residents = rig.kinds["counter"]
    residents.add_names(["a", "b"])
    assert rig.run("counter", *((key, "add", 5) for key in (*range(10), "a", "b"))) == [5] * 12
    residents.sweep()
    assert rig.run("counter", (3, "add", 1)) == [6]
    residents.sweep()
    while residents.doze(3):
        pass
    assert await remove(residents, [[2, 4], [9, 50]], ["a", "nobody"], rig.executor, Logbook(), None) == 4
    assert list(residents.keys()) == [0, 1, 4, 5, 6, 7, 8, "b"]
    answers = rig.run("counter", *((key, "add", 1) for key in (2, 3, 9, "a", 4, "b")))
    assert [getattr(answer, "type", answer) for answer in answers] == ["UnknownAgent"] * 4 + [6, 6]
    residents.add_range(2, 4)
    assert rig.run("counter", (3, "add", 1)) == [1]


async def test_a_busy_agent_that_is_removed_fails_what_it_has_and_keeps_nothing() -> None:
    rig = Rig(Waiter, agents=2)
    residents = rig.kinds["waiter"]
    number = rig.accept("waiter", (0, "forever"), (0, "wait", 0), (0, "seen"), (1, "seen"))
    await rig.settle()
    await remove(residents, [[0, 1]], [], rig.executor, Logbook(), None)
    await rig.settle()
    answers = rig.answers.of(number, 4)
    assert [answer.type for answer in answers[:3]] == [UnknownAgent.__name__] * 3
    assert answers[3] == 0
    assert not residents.busy
    residents.add_range(0, 1)
    assert await rig.wait("waiter", (0, "seen")) == [0]


async def test_a_method_that_does_not_end_when_it_is_told_to_changes_nobody() -> None:
    class Stubborn(Waiter, kind="stubborn"):
        async def stay(self) -> int:
            """Refuse to be cancelled."""
            import asyncio

            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                self.count = 99
            return self.count

    heard: list[Any] = []

    class Ears(Answers):
        def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Any]) -> None:
            """Hear everything, also what is said twice."""
            heard.append(errors)

    rig = Rig(Stubborn, agents=1)
    residents = rig.kinds["stubborn"]
    rig.accept("stubborn", (0, "stay"), answers=Ears())
    await rig.settle()
    await remove(residents, [[0, 1]], [], rig.executor, Logbook(), None)
    residents.add_range(0, 1)
    await rig.settle()
    assert [errors[0][1] for errors in heard if errors] == [UnknownAgent.__name__] * len(heard)
    assert len(heard) == 1
    assert await rig.wait("stubborn", (0, "seen")) == [0]


async def test_what_may_have_a_state_is_recorded_as_gone_and_the_rest_is_not(monkeypatch: Any) -> None:
    monkeypatch.setattr(upkeep, "REMOVE_BATCH", 3)
    house = House(agents=1_000)
    house.accept({"n": 1, "k": "counter", "i": [3, 4, 500], "m": "add", "a": [1, 1, 1]})
    house.settle()
    timers: Any = Timers("counter/3", "counter/1000", "counter/x", "waiter/3")
    before = house.gated.commits
    removing = remove(house.residents, [[0, 1_000]], ["x"], house.executor, house.logbook, (house.ledger, timers))
    assert await removing == 3
    house.settle()
    assert timers.stopped == ["counter/3", "counter/x"]
    assert house.gated.commits == before + 1
    house.close()
    again = House(house.disk, agents=1_000)
    assert [again.store.state("counter", key) for key in (3, 4, 500)] == [None] * 3
    assert again.store.recovered.records == 6  # three adds, three removals: nothing for the 997 that had no state
    again.close()


async def test_the_state_of_a_process_before_is_removed_by_one_that_was_never_told_of_the_agents() -> None:
    house = House(agents=10)
    house.accept({"n": 1, "k": "counter", "i": [3], "m": "add", "a": [7]})
    house.settle()
    house.kill()
    again = House(house.disk, agents=0)
    timers: Any = Timers()
    assert await remove(again.residents, [[3, 4]], [], again.executor, again.logbook, (again.ledger, timers)) == 1
    again.settle()
    again.residents.add_range(0, 10)
    again.accept({"n": 3, "k": "counter", "i": [3], "m": "add", "a": [1]})
    again.settle()
    assert again.results() == {(3, 0): 1}
    again.close()


async def test_agents_with_tasks_behind_one_that_has_not_ended_are_told() -> None:
    rig = Rig(Waiter)
    rig.clock.now_ns = 7_000
    number = rig.accept("waiter", (1, "forever"), (1, "seen"), (1, "seen"), (2, "forever"))
    await rig.settle()
    [[agent, method, task, waiting, began_ns]] = held_up(rig.kinds)
    assert (agent, method, task, waiting) == ("waiter/1", "forever", f"{number}.0", 2)
    assert began_ns == rig.clock.ns()
    assert held_up({}) == []
    for turn in rig.kinds["waiter"].busy.values():
        turn.task.cancel()
    await rig.settle()
    assert held_up(rig.kinds) == []
