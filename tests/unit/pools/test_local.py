"""Agents of one worker speak by the rules of the wire: in the agents' order, by copies, and not without bounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools import local as module
from pools.agent import Agent
from pools.errors import Failure
from pools.gauges import SECTION, WHO, who_is
from pools.lane import Lane
from pools.local import LocalLink, Tells
from pools.spec import PUMP_S
from tests.support.clocks import Clock
from tests.support.rigs import Rig
from tests.support.wires import Sink, fill


class Memo(Agent):
    pages: list[Any]
    total: int = 0

    def keep(self, page: Any) -> list[Any]:
        self.pages.append(page)
        return self.pages

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    async def later(self, x: int) -> int:
        await asyncio.sleep(0)
        self.total += x
        return self.total


class Setup:
    """A local link over an executor by hand, and one sender."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.rig = Rig(Memo, clock=clock)
        self.link = LocalLink(self.rig.executor, self.rig.kinds, self.rig.cells)
        self.sink = Sink()

    def offer(self, *tasks: tuple[Any, Any, Any, Any]) -> None:
        lane = Lane(self.link, "memo", self.sink)
        fill(lane, *tasks)
        self.link.offer([lane, Lane(self.link, "memo", self.sink)])


def test_tasks_run_in_order_and_are_answered_under_their_tokens() -> None:
    setup = Setup()
    setup.offer(("a", 1, "add", 1), ("b", 1, "add", 10), ("c", 2, "add", 5), ("d", 1, "add", 100))
    assert setup.sink.answers == {"a": 1, "b": 11, "c": 5, "d": 111}


def test_failures_come_back_by_name() -> None:
    setup = Setup()
    setup.offer(("a", 1, "add", "x"), ("b", 99, "add", 1), ("c", 1, "nothing", None), ("d", 1, "add", 2))
    assert [getattr(setup.sink.answers[token], "type", setup.sink.answers[token]) for token in "abcd"] == [
        "BadArgument",
        "UnknownAgent",
        "UnknownMethod",
        2,
    ]


def test_what_is_handed_over_and_what_comes_back_are_copies() -> None:
    setup = Setup()
    page = [1]
    setup.offer(("a", 1, "keep", [page]), ("b", 2, "keep", [page]))
    page.append(2)
    setup.sink.answers["a"].append("mine")
    setup.offer(("c", 1, "keep", [3]))
    assert setup.sink.answers["c"] == [[1], 3]


@pytest.mark.parametrize(
    "wrong", [("x", 1, "add", float("nan")), ("x", 1, "keep", [{1}]), ("x", 1, ["add"], 1), ("x", 1, None, 1)]
)
def test_what_could_not_travel_is_refused_alone_here_too(wrong: tuple[Any, Any, Any, Any]) -> None:
    setup = Setup()
    setup.offer(("a", 1, "add", 1), wrong, ("b", 1, "add", 1))
    assert setup.sink.failed_with("BadArgument") == {"x"}
    assert (setup.sink.answers["a"], setup.sink.answers["b"]) == (1, 2)
    setup.offer(("y", *wrong[1:]))
    assert setup.sink.failed_with("BadArgument") == {"x", "y"}


async def test_a_task_that_waits_is_answered_when_it_ends() -> None:
    setup = Setup()
    setup.offer(("a", 1, "later", 1), ("b", 1, "add", 1), ("c", 2, "add", 1))
    assert setup.sink.answers == {"c": 1}
    await setup.rig.settle()
    assert setup.sink.answers == {"c": 1, "a": 1, "b": 2}


def test_nothing_leaves_before_the_task_that_asks_has_ended_its_turn() -> None:
    setup = Setup()
    assert not setup.link.send_alone(Lane(setup.link, "memo", setup.sink), "a", 1, "add", 1)
    assert setup.sink.answers == {}


def test_past_the_backlog_messages_are_refused_with_a_time_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG_TASKS", 100)
    setup = Setup(Clock(step_ns=int(PUMP_S * 1e9) + 1))
    setup.offer(*((f"t{at}", 1, "add", 1) for at in range(300)))
    assert setup.rig.executor.queued > 100
    setup.offer(("x", 1, "add", 1), ("y", 1, "add", 1))
    assert setup.sink.failed_with("PoolFull") == {"x", "y"}
    assert setup.sink.answers["x"].retry_after_s > 0
    setup.rig.turns.run()
    assert setup.sink.answers["t299"] == 300
    setup.offer(("z", 1, "add", 1))
    assert setup.sink.answers["z"] == 301


FAILURE = Failure("ValueError", "as told")


def test_messages_that_fail_are_told_and_the_others_are_not(capfd: pytest.CaptureFixture[str]) -> None:
    tells = Tells(Clock().s)
    tells.answered(["memo/1", "memo/2", "memo/3"], [1, None, 3], [(1, FAILURE)])
    tells.answered(["memo/1"], [1], [])
    assert capfd.readouterr().err == "a message from memo/2 failed: ValueError: as told\n"


def test_of_a_flood_of_failed_messages_a_few_a_second_are_told_and_the_rest_is_numbered(
    capfd: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    tells = Tells(clock.s)
    for _ in range(10):
        tells.answered(["memo/1"] * 6, [None] * 6, [(at, FAILURE) for at in range(1, 6)])
    assert capfd.readouterr().err.count("a message from memo/1 failed") == module.TOLD
    clock.pass_s(1)
    tells.answered(["memo/2"], [None], [(0, FAILURE)])
    first, second = capfd.readouterr().err.splitlines()
    assert first.startswith(f"{50 - module.TOLD} more messages failed")
    assert second == "a message from memo/2 failed: ValueError: as told"
    clock.pass_s(1)
    tells.answered(["memo/3"], [None], [(0, FAILURE)])
    assert capfd.readouterr().err == "a message from memo/3 failed: ValueError: as told\n"


def test_whose_task_runs_can_be_seen_while_it_runs() -> None:
    setup = Setup()
    seen: list[tuple[int, int]] = []
    method = setup.rig.kinds["memo"].kind.methods["add"]
    function = method.function

    def look(agent: Any, x: int) -> int:
        seen.append((setup.rig.cells[SECTION], setup.rig.cells[WHO]))
        return int(function(agent, x))

    method.function = look
    setup.offer(("a", 1, "add", 1), ("b", 2, "add", 1), ("c", 1, "add", 1))
    assert seen == [(0, who_is("memo", key)) for key in (1, 2, 1)]


async def test_whose_task_waits_can_be_seen_in_each_of_its_steps() -> None:
    setup = Setup()
    setup.offer(("a", 1, "later", 1), ("b", 2, "later", 1))
    seen = set()
    method = setup.rig.kinds["memo"].kind.methods["later"]
    assert method.is_async
    for turn in setup.rig.kinds["memo"].busy.values():
        seen.add(turn.task.get_coro()._who)
    await setup.rig.settle()
    assert seen == {who_is("memo", 1), who_is("memo", 2)}
    assert setup.sink.answers == {"a": 1, "b": 1}


async def test_a_task_that_stands_in_a_mailbox_is_taken_back_and_no_other() -> None:
    setup = Setup()
    setup.offer(("a", 1, "later", 1), ("b", 1, "add", 10), ("c", 1, "add", 100))
    setup.link.cancel_where(Sink(), lambda _token: True)  # of another sender
    setup.link.cancel_where(setup.sink, lambda token: token == "b")
    assert setup.sink.failed_with("TaskCancelled") == {"b"}
    await setup.rig.settle()
    assert (setup.sink.answers["a"], setup.sink.answers["c"]) == (1, 101)
