"""Items of a sprint are accepted tasks; they come back once each, are taken back, and wait for room together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine import sprintagents as module
from engine.errors import IntakeFull
from engine.sprintagents import SprintAgents
from sprints.backlog import Backlog, Role, ShipSpec
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.shape import SHAPES
from tests.support.accepted import Desk, desk
from tests.support.processes import until
from tests.support.wires import reply

SPRINT = "sp-20261121-001"


def item(name: str, role: str = "adder", **more: Any) -> Item:
    """An item that adds 2."""
    return Item(name, name, role, "add", args=[2], **more)


class Work:
    """The agents of a sprint, and what came back."""

    def __init__(self, at: Desk) -> None:
        roles = {"adder": Role("counter", 2), "ghost": Role("nobody", 2)}
        backlog = Backlog("app", "", roles, SHAPES["pipeline"], ShipSpec(), {})
        self.desk = at
        self.outcomes: list[Outcome] = []
        self.agents = SprintAgents(SPRINT, backlog, at.detached, self.outcomes.extend)

    async def sent(self, count: int) -> None:
        """Return once so many tasks are with the worker."""
        await until(lambda: len(self.desk.wire.keys) >= count)

    def answer(self) -> None:
        """Answer all that was sent."""
        for section in self.desk.wire.sections:
            self.desk.link.take([reply(section, lambda key: [key, {"commits": 1}, 0.001])])

    def told(self) -> dict[str, bool]:
        """Whether each was done."""
        return {outcome.item: outcome.ok for outcome in self.outcomes}


@asynccontextmanager
async def work() -> AsyncIterator[Work]:
    """Agents at a desk, which are closed afterwards."""
    async with desk() as at:
        made = Work(at)
        yield made
        made.agents.close()


async def test_items_are_tasks_under_the_id_of_their_sprint_and_come_back_once_each() -> None:
    async with work() as made:
        await made.agents.send([item("a", priority="high", timeout_s=5.0, retries=2), item("b")], is_again=False)
        await made.sent(2)
        task = made.desk.detached.register.find(f"{SPRINT}/a")
        assert (task.options.priority, task.options.timeout_s, task.options.retries) == (2, 5.0, 2)
        assert task.options.tags == (SPRINT,)
        made.answer()
        await until(lambda: len(made.outcomes) == 2)
        assert made.told() == {"a": True, "b": True}
        assert made.outcomes[0].agent is not None
        assert made.outcomes[0].ran_s is not None


async def test_what_ended_before_its_sprint_was_killed_is_told_and_not_run_again() -> None:
    async with work() as made:
        await made.agents.send([item("a")], is_again=False)
        await made.sent(1)
        made.agents.close()
        made.answer()
        await made.desk.detached.ended(f"{SPRINT}/a", 5)
        second = Work(made.desk)
        await second.agents.send([item("a"), item("b")], is_again=True)
        await until(lambda: bool(second.outcomes))
        assert second.told() == {"a": True}
        await second.sent(2)
        assert len(made.desk.wire.keys) == 2
        second.agents.close()


async def test_what_nobody_can_do_comes_back_as_failed_and_holds_up_none_beside_it() -> None:
    async with work() as made:
        items = [item(f"t{at}") for at in range(7)]
        await made.agents.send([*items[:3], item("lost", role="ghost"), *items[3:]], is_again=False)
        await made.sent(7)
        assert made.told() == {"lost": False}
        assert made.outcomes[0].error_type == "UnknownKind"


async def test_without_room_items_wait_together_and_not_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    async with work() as made:
        full = [3]
        submit = made.desk.detached.submit
        asked: list[int] = []

        async def refuse(submissions: Sequence[Any], key: str = "") -> list[str]:
            asked.append(len(submissions))
            if full[0]:
                full[0] -= 1
                raise IntakeFull("no room")
            return await submit(submissions, key)

        monkeypatch.setattr(made.desk.detached, "submit", refuse)
        await made.agents.send([item(f"t{at}") for at in range(50)], is_again=False)
        await made.sent(50)
        assert asked == [50] * 4


async def test_what_is_taken_back_is_cancelled_all_at_once_and_not_told() -> None:
    async with work() as made:
        await made.agents.send([item(f"t{at}") for at in range(20)], is_again=False)
        await made.sent(20)
        loop_s = made.desk.detached._loop.time()
        await made.agents.recall([f"t{at}" for at in range(20)])
        assert made.desk.detached._loop.time() - loop_s < 0.5  # the worker says nothing, which each would wait for
        await until(lambda: bool(made.desk.wire.orders))
        made.answer()
        await until(lambda: made.desk.detached.register.open == 0)
        assert made.outcomes == []


async def test_what_is_taken_back_while_it_is_accepted_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async with work() as made:
        submit = made.desk.detached.submit

        async def slow(submissions: Sequence[Any], key: str = "") -> list[str]:
            await made.agents.recall(["a"])
            return await submit(submissions, key)

        monkeypatch.setattr(made.desk.detached, "submit", slow)
        await made.agents.send([item("a"), item("b")], is_again=False)
        await until(lambda: bool(made.desk.wire.orders) or made.desk.detached.register.counts()["cancelled"] == 1)
        assert made.told() == {}


async def test_a_clock_that_is_set_forward_or_back_makes_no_wait_longer_than_it_was() -> None:
    async with work() as made:
        await made.agents.send([item("a")], is_again=False)
        await made.sent(1)
        made.desk.now_s += 864_000.0
        made.answer()
        await until(lambda: len(made.outcomes) == 1)
        await made.agents.send([item("b")], is_again=False)
        await made.sent(2)
        made.desk.now_s -= 864_000.0
        made.answer()
        await until(lambda: len(made.outcomes) == 2)
        assert all(0.0 <= (outcome.waited_s or 0.0) < 600.0 for outcome in made.outcomes)
