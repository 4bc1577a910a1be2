"""A circle is a suspicion until the workers confirm it; then one gives way. Workers are stood for by hand."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pools import deadlocks
from pools.address import Key
from pools.deadlocks import Deadlocks
from pools.events import Event
from tests.support.processes import until


class Worker:
    """A worker's seat and its gateway in one. awaits: what its agents' tasks wait for, by agent."""

    def __init__(self) -> None:
        self.awaits: dict[str, list[Any] | None] = {}
        self.broken: list[list[Any]] = []
        self.asked = 0
        self.is_deaf = False
        #: What a broken question is answered with: whether it had no answer yet.
        self.was_open = True
        self.places: dict[tuple[int, int], str] = {}
        #: Called when it is asked what its tasks wait for, before it answers.
        self.on_asked: Callable[[], None] = lambda: None

    def request_if_up(self, verb: str, **facts: Any) -> Future[Any] | None:
        future: Future[Any] = asyncio.get_running_loop().create_future()
        if verb == "awaits":
            self.asked += 1
            self.on_asked()
            if not self.is_deaf:
                future.set_result([self.awaits.get(f"{kind}/{key}") for kind, key in facts["agents"]])
        else:
            self.broken += facts["asks"]
            future.set_result([self.was_open] * len(facts["asks"]))
        return future

    def addresses(self, places: Container[tuple[int, int]]) -> dict[tuple[int, int], str]:
        return {place: address for place, address in self.places.items() if place in places}


class Setup:
    """Two workers: agents with even keys live in the first, the others in the second."""

    def __init__(self) -> None:
        self.workers = Worker(), Worker()
        self.events: list[Event] = []
        self.deadlocks = Deadlocks(self.seat_of, self.events.append)  # type: ignore[arg-type]

    def seat_of(self, _kind: str, key: Key) -> Worker:
        assert isinstance(key, int)
        return self.workers[key % 2]

    def began(self, number: int, asker: int, asked: str, *, awaits: bool = True, place: tuple[int, int] | None = None) -> None:
        """A question has become long. awaits: its task waits for it, and for nothing else."""
        agent, worker = f"a/{asker}", self.workers[asker % 2]
        if awaits:
            worker.awaits[agent] = [f"t{asker}", [number]]
        row = [number, agent, f"t{asker}", 10 * asker, asked, *(place or ())]
        self.deadlocks.heard(worker, {"began": [row], "ended": []})  # type: ignore[arg-type]

    def ended(self, number: int, asker: int) -> None:
        self.deadlocks.heard(self.workers[asker % 2], {"began": [], "ended": [number]})  # type: ignore[arg-type]


@asynccontextmanager
async def setup_of(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Setup]:
    monkeypatch.setattr(deadlocks, "PAUSE_S", 0.001)
    setup = Setup()
    try:
        yield setup
    finally:
        setup.deadlocks.stop()


async def turns(count: int = 30) -> None:
    for _ in range(count):
        await asyncio.sleep(0.001)


async def test_a_confirmed_circle_of_two_workers_is_broken_at_the_task_that_began_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2")
        await until(lambda: setup.deadlocks.broken)
        text = "agents ask each other in a circle: a/2 -> a/1 -> a/2; the ask of a/2 to a/1 was broken"
        assert setup.workers[0].broken == [[1, text]]
        assert setup.workers[1].broken == []
        assert [(event.name, event.text) for event in setup.events] == [("deadlock.broken", text)]
        assert setup.deadlocks.blocked == 1
        setup.ended(1, 1)
        setup.ended(1, 2)
        assert setup.deadlocks.blocked == 0


async def test_long_waits_without_a_circle_ask_nobody_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        for key in range(100):
            setup.began(key, key, f"a/{key + 1}")
        await turns()
        assert [worker.asked for worker in setup.workers] == [0, 0]
        assert setup.deadlocks.blocked == 100


async def test_a_circle_that_is_not_waited_for_is_looked_at_again_until_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2", awaits=False)
        await until(lambda: setup.workers[1].asked > 3)
        assert setup.deadlocks.broken == 0
        setup.workers[1].awaits["a/1"] = ["t1", [1]]
        await until(lambda: setup.deadlocks.broken)


async def test_no_more_is_asked_once_a_circle_has_ended_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2", awaits=False)
        await until(lambda: setup.workers[1].asked)
        setup.ended(1, 1)
        await turns()
        asked = setup.workers[1].asked
        await turns()
        assert setup.workers[1].asked == asked
        assert setup.deadlocks.broken == 0


@pytest.mark.parametrize("said", [["other", [1]], ["t1", [2]], ["t1", [1, 2]], None])
async def test_another_task_or_a_question_that_was_not_known_before_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, said: list[Any] | None
) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2", awaits=False)
        setup.workers[1].awaits["a/1"] = said
        await until(lambda: setup.workers[1].asked > 2)
        assert setup.deadlocks.broken == 0


async def test_a_question_that_has_become_known_while_workers_were_asked_counts_the_next_time_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its task may have begun after another one had said what it waits for."""
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.workers[1].on_asked = lambda: setup.began(2, 1, "a/2")
        setup.began(1, 1, "a/2", awaits=False)
        await until(lambda: setup.deadlocks.broken)
        assert setup.workers[1].asked == 2


async def test_a_question_that_has_its_answer_meanwhile_is_no_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.workers[0].was_open = False
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2")
        await until(lambda: setup.workers[0].broken)
        await turns()
        assert setup.deadlocks.broken == 0
        assert setup.events == []


async def test_a_worker_that_is_gone_takes_its_waits_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a/1")
        setup.began(2, 4, "a", place=(9, 0))
        setup.deadlocks.heard(setup.workers[0], None)  # type: ignore[arg-type]
        assert setup.deadlocks.blocked == 0
        setup.began(1, 1, "a/2")
        await turns()
        assert setup.deadlocks.broken == 0


async def test_a_worker_that_does_not_answer_holds_up_no_other_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlocks, "ANSWER_S", 0.01)
    async with setup_of(monkeypatch) as setup:
        setup.workers[1].is_deaf = True
        setup.began(1, 2, "a/1")
        setup.began(1, 1, "a/2")
        setup.began(3, 6, "a/8")
        setup.began(4, 8, "a/6")
        await until(lambda: setup.deadlocks.broken)
        assert [row[0] for row in setup.workers[0].broken] == [4]


async def test_whom_a_question_to_any_went_to_is_found_out_later_if_need_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        setup.began(1, 2, "a", place=(5, 0))
        setup.began(1, 1, "a/2")
        await turns()
        assert setup.deadlocks.broken == 0
        assert setup.deadlocks.blocked == 2
        setup.workers[0].places[5, 0] = "a/1"
        await until(lambda: setup.deadlocks.broken)
        setup.began(2, 4, "a", place=(6, 0))
        setup.ended(2, 4)
        assert setup.deadlocks.blocked == 1


async def test_of_a_very_long_cycle_the_first_and_the_last_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with setup_of(monkeypatch) as setup:
        for key in range(100):
            setup.began(key, key, f"a/{(key + 1) % 100}")
        await until(lambda: setup.deadlocks.broken)
        [[_, text]] = setup.workers[1].broken
        assert "a/99 -> a/0 -> a/1 -> " in text
        assert "(85 more)" in text
        assert "a/98 -> a/99; the ask of a/99 to a/0" in text
