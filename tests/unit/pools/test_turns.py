"""The long way of a task: at once where it can end at once, else in the agent's turn, behind which its other tasks wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.agent import Agent
from pools.complaints import Complaints
from pools.context import Context
from pools.errors import Failure, MailboxFull, TaskCancelled, TooOld, UnknownAgent, UnknownMethod
from pools.gauges import AWAITING, CELLS, DONE, FAILED, QUEUED, WAITING
from pools.job import CANCELLED, TOO_OLD, Job, Waiting
from pools.kind import Kind
from pools.residents import Residents
from pools.turns import PENDING, Turns
from tests.support.clocks import Clock
from tests.support.clocks import Turns as Loop
from tests.support.rigs import Answers, Office, eager, ward


class Worker(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def fail(self) -> None:
        self.total = -1
        raise ValueError("as told")

    def is_running(self) -> bool:
        return SETUPS[-1].turns.current is self

    def tell(self, x: int, ctx: Context) -> str:
        ctx.tell("worker/2", "add", x)
        if x < 0:
            raise ValueError("as told")
        return ctx.task_id

    async def wait(self, gate: int, ctx: Context) -> int:
        ctx.tell("worker/2", "add", gate)
        self.total += 1
        await SETUPS[-1].gates[gate]
        self.total += 1
        return self.total

    async def at_once(self, x: int) -> int:
        self.total += x
        return self.total

    async def wait_and_fail(self, gate: int) -> None:
        self.total = -1
        await SETUPS[-1].gates[gate]
        raise ValueError("as told")


SETUPS: list[Setup] = []
#: What names the tasks of a sender without a session.
SESSION = "00ff"
STARTS = pytest.mark.parametrize("start", [None, eager], ids=["in the next turn", "in place"])


class Setup:
    """The turns of agents 0 to 9, with everything around them by hand; each task is a section of its own."""

    def __init__(self, mailbox: int = 100, start: Any = None) -> None:
        SETUPS[:] = [self]
        self.residents = Residents(Kind(Worker), owned=frozenset({0}), shards=1)
        self.residents.add_range(0, 10)
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.loop = Loop()
        self.sent: list[tuple[str, Any, list[Any]]] = []
        self.gates: dict[int, asyncio.Future[None]] = {}
        self.answers = Answers()
        self.numbers = 0
        self.turns = Turns(
            {"worker": self.residents},
            cells=self.cells,
            mailbox=mailbox,
            defer=self.loop,
            start=start or (lambda coroutine: asyncio.get_running_loop().create_task(coroutine)),
            office=Office(),
            send=lambda kind, key, outbox: self.sent.append((kind, key, list(outbox))),
            complaints=Complaints(Clock().ns),
            ward=ward({"worker": self.residents}),
            clock_ns=Clock().ns,
            session=SESSION,
        )

    def run(self, key: Any, method: Any, argument: Any = None, position: int = 0) -> Any:
        """The value of a task, or PENDING; its section has the next odd number."""
        self.numbers += 2
        known = method if method in (CANCELLED, TOO_OLD) else self.residents.kind.methods.get(method)
        job = Job(self.numbers - 1, self.residents, [key], iter(()), self.answers)
        return self.turns.run(self.residents, key, Waiting(job, position, known, argument))

    def gate(self, name: int) -> asyncio.Future[None]:
        self.gates[name] = asyncio.get_running_loop().create_future()
        return self.gates[name]

    async def settle(self) -> dict[tuple[int, int], Any]:
        """Let everything go on that can; the answers so far."""
        for _ in range(20):
            self.loop.turn()
            await asyncio.sleep(0)
        return self.answers.kept

    @property
    def counts(self) -> tuple[int, int, int]:
        """Done, failed and waiting."""
        return self.cells[DONE], self.cells[FAILED], self.cells[WAITING]


# -- at once -----------------------------------------------------------------------------------------------------------


def test_a_task_that_does_not_wait_is_run_at_once_and_answered_by_who_asked_for_it() -> None:
    setup = Setup()
    assert [setup.run(1, "add", 2), setup.run(1, "add", 3), setup.run(2, "add", 1)] == [2, 5, 1]
    assert setup.answers.order == []
    assert setup.counts == (0, 0, 0)


async def test_an_agent_that_was_queued_when_that_was_sampled_is_counted_once_when_its_task_waits() -> None:
    setup = Setup()
    setup.cells[QUEUED] = 2
    seen = []
    for key in (1, 2, 3):
        setup.gate(key)
        setup.run(key, "wait", key)
        seen.append((setup.cells[AWAITING], setup.cells[QUEUED]))
    assert seen == [(1, 1), (2, 0), (3, 0)]
    setup.gates[1].set_result(None)
    await setup.settle()
    assert (setup.cells[AWAITING], setup.cells[QUEUED]) == (2, 0)
    for key in (2, 3):
        setup.gates[key].set_result(None)
    await setup.settle()


def test_the_agent_whose_task_runs_is_known_and_forgotten_after_it() -> None:
    setup = Setup()
    assert setup.run(1, "is_running") is True
    assert setup.turns.current is None
    with pytest.raises(ValueError, match="as told"):
        setup.run(1, "fail")
    assert setup.turns.current is None


@pytest.mark.parametrize(
    ("key", "method", "error"),
    [(1, "nothing", UnknownMethod), (99, "add", UnknownAgent), ("x", "add", UnknownAgent), (1, CANCELLED, TaskCancelled)],
)
def test_what_cannot_be_run_is_raised_by_name(key: Any, method: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Setup().run(key, method, 1)


def test_a_task_that_fails_is_taken_back_with_its_messages() -> None:
    setup = Setup()
    setup.run(1, "add", 5)
    for method, argument in (("fail", None), ("tell", -1)):
        with pytest.raises(ValueError, match="as told"):
            setup.run(1, method, argument)
    assert (setup.run(1, "add", 0), setup.sent) == (5, [])


def test_a_task_that_succeeds_sends_its_messages_and_knows_its_name() -> None:
    setup = Setup()
    assert setup.run(1, "tell", 7, position=3) == f"{SESSION}-{1 << 10 | 3}"
    assert setup.sent == [("worker", 1, [("tell", "worker/2", "add", 7)])]


# -- agents that wait --------------------------------------------------------------------------------------------------


@STARTS
async def test_a_task_that_waits_is_answered_later_and_sends_its_messages_then(start: Any) -> None:
    setup = Setup(start=start)
    gate = setup.gate(1)
    assert setup.run(1, "wait", 1) is PENDING
    assert await setup.settle() == {}
    assert (list(setup.residents.busy), list(setup.residents.live), setup.sent) == ([1], [], [])
    gate.set_result(None)
    assert await setup.settle() == {(1, 0): 2}
    assert (list(setup.residents.busy), list(setup.residents.live)) == ([], [1])
    assert setup.sent == [("worker", 1, [("tell", "worker/2", "add", 1)])]
    assert setup.counts == (1, 0, 0)


@STARTS
async def test_tasks_behind_one_that_waits_stand_in_line_and_others_do_not(start: Any) -> None:
    setup = Setup(start=start)
    gate = setup.gate(1)
    assert [setup.run(1, "wait", 1), setup.run(1, "add", 10), setup.run(1, "at_once", 100), setup.run(1, "fail")] == [
        PENDING
    ] * 4
    assert setup.run(2, "add", 1) == 1
    assert setup.counts == (0, 0, 3)
    gate.set_result(None)
    assert await setup.settle() == {(1, 0): 2, (3, 0): 12, (5, 0): 112, (7, 0): Failure("ValueError", "as told")}
    assert [number for number, _ in setup.answers.order] == [1, 3, 5, 7]
    assert setup.counts == (3, 1, 0)
    assert setup.run(1, "add", 0) == 112


@STARTS
async def test_a_line_of_tasks_that_all_wait_is_worked_off_one_by_one(start: Any) -> None:
    setup = Setup(start=start)
    gates = [setup.gate(at) for at in range(3)]
    for at in range(3):
        setup.run(1, "wait", at)
    gates[2].set_result(None)
    gates[1].set_result(None)
    assert await setup.settle() == {}
    gates[0].set_result(None)
    assert await setup.settle() == {(1, 0): 2, (3, 0): 4, (5, 0): 6}


@STARTS
async def test_very_many_short_async_tasks_in_a_line_need_no_stack(start: Any) -> None:
    setup = Setup(mailbox=10_000, start=start)
    gate = setup.gate(1)
    setup.run(1, "wait", 1)
    for _ in range(3_000):
        setup.run(1, "at_once", 1)
    gate.set_result(None)
    for _ in range(400):
        if setup.counts == (3_001, 0, 0):
            break
        await setup.settle()
    assert setup.counts == (3_001, 0, 0)
    assert setup.run(1, "add", 0) == 3_002


@STARTS
async def test_a_task_that_waits_and_fails_is_taken_back_and_frees_its_agent(start: Any) -> None:
    setup = Setup(start=start)
    gate = setup.gate(1)
    setup.run(1, "add", 5)
    setup.run(1, "wait_and_fail", 1)
    setup.run(1, "add", 1)
    gate.set_result(None)
    assert await setup.settle() == {(3, 0): Failure("ValueError", "as told"), (5, 0): 6}
    assert not setup.residents.busy


async def test_a_line_has_a_bound() -> None:
    setup = Setup(mailbox=2)
    gate = setup.gate(1)
    for method, argument in (("wait", 1), ("add", 1), ("add", 1)):
        assert setup.run(1, method, argument) is PENDING
    with pytest.raises(MailboxFull, match="worker/1 has 2 tasks"):
        setup.run(1, "add", 1)
    gate.set_result(None)
    await setup.settle()
    assert setup.run(1, "add", 0) == 4
    assert setup.counts == (3, 0, 0)


async def test_what_is_wrong_with_a_task_in_line_is_said_in_its_turn() -> None:
    setup = Setup()
    gate = setup.gate(1)
    setup.run(1, "wait", 1)
    setup.run(1, "add", "text")
    gate.set_result(None)
    assert (await setup.settle())[3, 0].type == "BadArgument"


# -- taking back -------------------------------------------------------------------------------------------------------


@STARTS
async def test_a_task_that_waits_can_be_taken_back_and_its_line_goes_on(start: Any) -> None:
    setup = Setup(start=start)
    setup.gate(1)
    for method, argument in (("wait", 1), ("add", 10), ("add", 100)):
        setup.run(1, method, argument)
    await setup.settle()
    setup.turns.cancel(frozenset({1, 3}), None)
    answers = await setup.settle()
    assert {place: getattr(answer, "type", answer) for place, answer in answers.items()} == {
        (1, 0): "TaskCancelled",
        (3, 0): "TaskCancelled",
        (5, 0): 100,
    }
    assert setup.sent == []
    assert (setup.cells[DONE], setup.cells[WAITING]) == (1, 0)
    assert not setup.residents.busy


async def test_a_task_whose_coroutine_has_not_begun_is_answered_once_and_frees_its_agent() -> None:
    setup = Setup()
    setup.gate(1)
    setup.run(1, "wait", 1)
    setup.run(1, "add", 10)
    setup.turns.cancel(frozenset({1}), None)
    answers = await setup.settle()
    assert [answers[1, 0].type, answers[3, 0]] == ["TaskCancelled", 10]
    assert (setup.cells[DONE], setup.cells[WAITING]) == (1, 0)


@STARTS
async def test_only_the_tasks_that_are_meant_are_taken_back(start: Any) -> None:
    setup = Setup(start=start)
    gate = setup.gate(1)
    setup.run(1, "wait", 1, position=4)
    setup.run(1, "add", 10, position=2)
    await setup.settle()
    setup.turns.cancel(frozenset({5}), None)
    setup.turns.cancel(frozenset({1, 3}), 3)
    assert await setup.settle() == {}
    setup.turns.cancel(frozenset({1, 3}), 2)
    gate.set_result(None)
    answers = await setup.settle()
    assert [answers[1, 4], answers[3, 2].type] == [2, "TaskCancelled"]


# -- names of tasks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, f"{SESSION}-{7 << 10 | 1}"),
        ({"places": [5, 900]}, f"{SESSION}-{7 << 10 | 900}"),
        ({"session": "aabb", "numbers": [70, 71]}, "aabb-71"),
        ({"session": "aabb", "numbers": [70, 71], "places": [5, 900]}, "aabb-71"),
        ({"name_of": lambda position: f"cc-{position}.3"}, "cc-1.3"),
        ({"number": 0}, f"{SESSION}-1"),
    ],
)
def test_a_task_is_called_by_what_its_sender_calls_it(facts: dict[str, Any], name: str) -> None:
    setup = Setup()
    job = Job(7, setup.residents, [1, 1], iter(()), setup.answers)
    for what, fact in facts.items():
        setattr(job, what, fact)
    method = setup.residents.kind.methods["tell"]
    assert setup.turns.run(setup.residents, 1, Waiting(job, 1, method, 7)) == name


def test_what_is_too_old_is_refused() -> None:
    with pytest.raises(TooOld):
        Setup().run(1, TOO_OLD)
