"""The engine hears of questions that take long, once when they do and once when they end; of others it hears nothing."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pools.agent import Agent
from pools.context import Context
from pools.errors import Deadlock
from pools.job import Turn
from pools.kind import Kind
from pools.residents import Residents
from pools.waits import LOOK_S, ROWS, Waits
from tests.support.rigs import Office


class Box(Agent):
    """Asks."""

    def get(self) -> int:
        """A number."""
        return 0


class Up:
    """A link whose flights are given by hand."""

    def __init__(self) -> None:
        self.known: list[tuple[Any, tuple[int, int], str]] = []
        self.flights = self

    def tasks(self) -> Iterator[tuple[Any, tuple[int, int], str]]:
        return iter(self.known)


class Setup:
    """Some boxes whose tasks wait; time is what `tick` says."""

    def __init__(self) -> None:
        self.residents = Residents(Kind(Box), owned=frozenset({0}), shards=1)
        self.up = Up()
        self.said: list[dict[str, Any]] = []
        self.due: list[Callable[[], None]] = []
        self.taken: list[Any] = []
        self.waits = Waits(
            {"box": self.residents},
            later=self.later,
            say=self.said.append,
            take_back=self.taken.append,
            up=self.up,  # type: ignore[arg-type]
        )

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds == LOOK_S
        self.due.append(call)

    def tick(self, times: int = 1) -> list[dict[str, Any]]:
        """Let some looks pass; returns what was said."""
        for _ in range(times):
            due, self.due = self.due, []
            for call in due:
                call()
        said, self.said[:] = list(self.said), []
        return said

    def begin(self, key: int, began_ns: int = 7) -> Context:
        """A task of a box begins."""
        agent = self.residents.kind.make(key)
        context = Context(Office(), self.residents.kind, agent, f"t{key}")
        turn = self.residents.busy[key] = Turn(agent)
        turn.context, turn.began_ns = context, began_ns
        return context

    def ask(self, context: Context, address: str) -> Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.waits.asked(context, address, future)
        return future

    def wait(self, key: int, *futures: Future[Any]) -> asyncio.Task[Any]:
        """Have a box's task wait for all of them."""

        async def method() -> None:
            await asyncio.gather(*futures, return_exceptions=True)

        task = self.residents.busy[key].task = asyncio.get_running_loop().create_task(method())
        return task  # type: ignore[no-any-return]


async def test_a_question_that_is_answered_soon_is_never_told_and_who_asks_nothing_sets_no_timer() -> None:
    setup = Setup()
    assert setup.due == []
    context = setup.begin(1)
    for _ in range(5):
        future = setup.ask(context, "box/2")
        setup.tick()
        future.set_result(1)
    assert setup.tick(3) == []
    assert setup.due == []


async def test_a_long_one_is_told_once_and_its_end_once_and_no_timer_runs_between() -> None:
    setup = Setup()
    future = setup.ask(setup.begin(1, began_ns=70), "box/2")
    assert setup.tick() == []
    assert setup.tick() == [{"verb": "waits", "began": [[1, "box/1", "t1", 70, "box/2"]], "ended": []}]
    assert setup.due == []
    future.set_result(5)
    await asyncio.sleep(0)
    assert setup.tick() == [{"verb": "waits", "began": [], "ended": [1]}]
    assert setup.due == []


async def test_a_question_whose_task_has_ended_without_it_is_not_told() -> None:
    setup = Setup()
    context = setup.begin(1)
    setup.ask(context, "box/2")
    setup.begin(1)  # another task of the same agent
    assert setup.tick(3) == []
    assert setup.due == []


async def test_one_to_any_agent_of_a_kind_is_told_with_its_place_once_it_has_left() -> None:
    setup = Setup()
    future = setup.ask(setup.begin(1), "box")
    assert setup.tick(4) == []
    setup.up.known.append((future, (9, 3), "box/None"))
    assert setup.tick() == [{"verb": "waits", "began": [[1, "box/1", "t1", 7, "box", 9, 3]], "ended": []}]


async def test_more_than_a_message_holds_is_told_in_several() -> None:
    setup = Setup()
    context = setup.begin(1)
    for _ in range(ROWS + 1):
        setup.ask(context, "box/2")
    setup.tick()
    assert [len(said["began"]) for said in setup.tick()] == [ROWS]
    assert [len(said["began"]) for said in setup.tick()] == [1]
    assert setup.due == []


async def test_past_the_limit_nothing_more_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.waits.WATCHED", 2)
    setup = Setup()
    context = setup.begin(1)
    for _ in range(5):
        setup.ask(context, "box/2")
    assert [len(said["began"]) for said in setup.tick(3)] == [2]
    assert setup.due == []


async def test_it_is_said_what_tasks_wait_for_really() -> None:
    setup = Setup()
    one, other = setup.ask(setup.begin(1), "box/2"), setup.ask(setup.begin(2), "box/1")
    fresh = setup.begin(3)
    tasks = [setup.wait(1, one), setup.wait(2, other, asyncio.get_running_loop().create_future())]
    setup.tick(2)
    tasks.append(setup.wait(3, setup.ask(fresh, "box/1")))  # the engine does not know this one yet
    await asyncio.sleep(0)
    agents = [["box", 1], ["box", 2], ["box", 3], ["box", 4], ["none", 1]]
    assert setup.waits.verbs["awaits"]({"agents": agents}) == [["t1", [1]], None, None, None, None]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_broken_question_fails_and_is_taken_back_and_one_that_has_its_answer_is_left() -> None:
    setup = Setup()
    context = setup.begin(1)
    one, other = setup.ask(context, "box/2"), setup.ask(context, "box/3")
    setup.tick(2)
    other.set_result(5)
    order = {"asks": [[1, "box/1 -> box/2 -> box/1"], [2, "no"], [77, "never"]]}
    assert setup.waits.verbs["deadlock"](order) == [True, False, False]
    assert setup.taken == [{one}]
    with pytest.raises(Deadlock, match="box/1 -> box/2 -> box/1"):
        await one
    assert setup.waits.verbs["deadlock"](order) == [False, False, False]
    assert await other == 5
    await asyncio.sleep(0)
    assert sorted(setup.tick(2)[0]["ended"]) == [1, 2]
