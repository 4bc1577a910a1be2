"""All agents of a kind in one question: who they are, what is said when some fail, what is refused before anybody is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from engine.errors import NotAll
from engine.everybody import Everybody, Members
from pools.errors import BadAddress, BadArgument, Failure, TaskCancelled, TaskExpired, TaskFailed, UnknownKind
from pools.lane import Named
from pools.result import Batch

MEMBERS = Members([(0, 2), (5, 6)], ["a", "b"])


class Way:
    """Keeps the tasks, and answers each with its place; those of `failing` places fail."""

    def __init__(self, failing: frozenset[int] = frozenset(), silent: frozenset[int] = frozenset()) -> None:
        self.failing = failing
        self.silent = silent
        self.tasks: list[Any] = []
        self.is_closed = False

    async def map_batches(self, tasks: Iterator[Any]) -> AsyncGenerator[Batch, None]:
        """Run tasks, the last one first."""
        self.tasks = list(tasks)
        try:
            for place in reversed(range(len(self.tasks))):
                if place not in self.silent:
                    failures = [(0, Failure("ValueError", f"as {place} was told"))] if place in self.failing else []
                    yield Batch([place], [None if failures else place], failures)
            if self.silent:
                await asyncio.get_running_loop().create_future()
        finally:
            self.is_closed = True


def everybody(way: Way, members: Members = MEMBERS) -> Everybody:
    def find(kind: str) -> Members:
        if kind != "x":
            raise UnknownKind(f"no kind {kind}")
        return members

    return Everybody(find, way.map_batches)


def test_members_are_numbers_in_order_then_names() -> None:
    assert list(MEMBERS.keys()) == [0, 1, 5, "a", "b"]
    assert [MEMBERS.key_at(place) for place in range(MEMBERS.total)] == list(MEMBERS.keys())


async def test_each_agent_is_asked_once_with_the_same_arguments() -> None:
    way = Way()
    assert await everybody(way).ask("x", "add", (1, [2]), reduce="list") == [0, 1, 2, 3, 4]
    assert way.tasks == [(f"x/{key}", "add", 1, [2]) for key in (0, 1, 5, "a", "b")]
    await everybody(way).ask("x", "add", (), reduce="sum", step=3)
    assert way.tasks[0] == ("x/0", "add", Named(step=3))


async def test_the_first_agents_error_is_raised_with_the_counts_once_all_have_ended() -> None:
    way = Way(frozenset({2, 4}))
    with pytest.raises(TaskFailed, match=r"as 2 was told \(x/5; 2 of 5 agents failed: ValueError 2\)") as caught:
        await everybody(way).ask("x", "add", (), reduce="sum")
    assert caught.value.type == "ValueError"
    assert way.is_closed
    cause = caught.value.__cause__
    assert isinstance(cause, NotAll)
    assert (cause.agent, cause.reduced.value, cause.reduced.answered, cause.reduced.failed) == ("x/5", 4, 3, 2)


async def test_those_that_failed_may_be_passed_over() -> None:
    outcome = await everybody(Way(frozenset({0}))).ask("x", "add", (), reduce="sum", on_error="skip")
    assert (outcome.value, outcome.asked, outcome.answered, outcome.failed) == (10, 5, 4, 1)
    assert outcome.first == ("x/0", Failure("ValueError", "as 0 was told"))


@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_who_is_late_is_taken_back_and_has_failed(on_error: str) -> None:
    way = Way(silent=frozenset({3}))
    asked = everybody(way).ask("x", "add", (), reduce="sum", on_error=on_error, timeout_s=0.01)
    if on_error == "skip":
        outcome = await asked
        assert (outcome.value, outcome.failures) == (7, {"TaskExpired": 1})
    else:
        with pytest.raises(TaskExpired, match=r"0\.01 s .*1 of 5 agents failed"):
            await asked
    assert way.is_closed


async def test_an_ask_that_is_cancelled_takes_its_tasks_back() -> None:
    way = Way(silent=frozenset({3}))
    asked = everybody(way).ask("x", "add", (), reduce="sum")
    while not way.tasks:
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert way.is_closed


@pytest.mark.parametrize(
    ("error", "kind", "method", "arguments", "facts"),
    [
        (BadArgument, "x", "add", (), {}),
        (BadArgument, "x", "add", (), {"reduce": "median"}),
        (BadArgument, "x", "add", (), {"reduce": "sum", "on_error": "ignore"}),
        (BadArgument, "x", "add", (1,), {"reduce": "sum", "x": 2}),
        (BadArgument, "x", 7, (), {"reduce": "sum"}),
        (BadArgument, "x", "add", (), {"reduce": "list", "limit": 4}),
        (BadAddress, "X!", "add", (), {"reduce": "sum"}),
        (UnknownKind, "y", "add", (), {"reduce": "sum"}),
    ],
)
async def test_a_wrong_question_asks_nobody(error: type, kind: str, method: Any, arguments: Any, facts: Any) -> None:
    way = Way()
    asked = everybody(way).ask(kind, method, arguments, **facts)
    with pytest.raises(error):
        await asked
    assert way.tasks == []


async def test_who_is_meant_may_be_learnt_first() -> None:
    way = Way()

    async def find(_kind: str) -> Members:
        return MEMBERS

    assert await Everybody(find, way.map_batches).ask("x", "add", (), reduce="count") == 5


async def test_a_task_that_was_cancelled_elsewhere_counts_as_failed() -> None:
    async def cancelled(_tasks: Iterator[Any]) -> AsyncGenerator[Batch, None]:
        yield Batch([0], [None], [(0, Failure("TaskCancelled", "taken back"))])

    with pytest.raises(TaskCancelled, match="1 of 5"):
        await Everybody(lambda _kind: MEMBERS, cancelled).ask("x", "add", (), reduce="sum")
