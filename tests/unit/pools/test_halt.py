"""A worker that is halted begins nothing from outside, what runs ends, and nothing that was handed in is lost or done twice."""

from __future__ import annotations

from typing import Any

from pools.counter import Counter
from pools.gauges import DONE, FAILED
from pools.job import Job
from pools.residents import Residents
from tests.support.agents import Waiter
from tests.support.rigs import Answers, Rig


def outer(rig: Rig, kind: str, *tasks: tuple[Any, ...]) -> int:
    """Hand in a section as one from outside: those have odd numbers."""
    rig._number += rig._number & 1
    return rig.accept(kind, *tasks)


def inner(rig: Rig, kind: str, *tasks: tuple[Any, ...]) -> int:
    """The same as one that an agent of another worker sends."""
    rig._number += 1 - (rig._number & 1)
    return rig.accept(kind, *tasks)


def answered(rig: Rig, number: int) -> dict[int, Any]:
    """What a section was answered so far, by place."""
    rig.turns.run()
    rig.answers.flush()
    return {place: getattr(value, "type", value) for (section, place), value in rig.answers.kept.items() if section == number}


async def test_tasks_from_outside_wait_and_are_run_in_their_order_afterwards() -> None:
    rig = Rig(Counter)
    assert rig.executor.halt.begin({}) == 0
    first, second = outer(rig, "counter", (1, "add", 1), (2, "add", 5)), outer(rig, "counter", (1, "add", 10))
    assert (answered(rig, first), answered(rig, second)) == ({}, {})
    assert (rig.cells[DONE], rig.executor.queued) == (0, 3)
    assert rig.executor.halt.end({}) == 2
    assert (answered(rig, first), answered(rig, second)) == ({0: 1, 1: 5}, {0: 11})
    assert (rig.cells[DONE], rig.executor.queued) == (3, 0)


async def test_one_task_alone_waits_as_well() -> None:
    rig = Rig(Counter)
    rig.executor.halt.begin({})
    number = outer(rig, "counter", (1, "add", 1))
    assert answered(rig, number) == {}
    rig.executor.halt.end({})
    assert answered(rig, number) == {0: 1}


async def test_what_agents_send_goes_on() -> None:
    rig = Rig(Counter)
    rig.executor.halt.begin({})
    assert answered(rig, inner(rig, "counter", (1, "add", 4))) == {0: 4}


async def test_what_was_queued_and_not_begun_waits_too() -> None:
    rig = Rig(Counter)
    queued = Job(1, rig.kinds["counter"], [], iter(()), rig.answers)
    rig.executor._queue.put(queued)
    rig.executor._queue.put(own := Job(2, rig.kinds["counter"], [], iter(()), rig.answers))
    assert rig.executor.halt.begin({}) == 1
    assert list(rig.executor._queue) == [own]


async def test_a_task_that_runs_ends_and_those_behind_it_wait_in_the_mailbox() -> None:
    rig = Rig(Waiter)
    residents: Residents = rig.kinds["waiter"]
    number = outer(rig, "waiter", (1, "wait", 0), (1, "wait", 0))
    assert answered(rig, number) == {}
    rig.executor.halt.begin({})
    await rig.settle()
    assert list(answered(rig, number)) == [0]
    assert rig.executor.waiting("waiter", 1) == 1
    assert residents.status(1) == "run"
    rig.executor.halt.end({})
    await rig.settle()
    assert sorted(answered(rig, number)) == [0, 1]
    assert residents.status(1) == "idle"


async def test_a_question_of_an_agent_goes_past_what_waits_in_a_mailbox() -> None:
    rig = Rig(Waiter)
    first = outer(rig, "waiter", (1, "wait", 0), (1, "wait", 0))
    rig.executor.halt.begin({})
    question = inner(rig, "waiter", (1, "seen"))
    await rig.settle()
    assert list(answered(rig, first)) == [0]
    assert list(answered(rig, question)) == [0]
    later = inner(rig, "waiter", (1, "seen"))  # the agent has nothing that runs now, and tasks from outside before it
    await rig.settle()
    assert list(answered(rig, later)) == [0]
    assert rig.executor.waiting("waiter", 1) == 1
    rig.executor.halt.end({})
    await rig.settle()
    assert sorted(answered(rig, first)) == [0, 1]


async def test_an_agent_that_is_removed_while_tasks_wait_is_gone() -> None:
    rig = Rig(Waiter)
    number = outer(rig, "waiter", (1, "wait", 0), (1, "wait", 0))
    rig.executor.halt.begin({})
    await rig.settle()
    rig.executor.remove(rig.kinds["waiter"], 1)
    await rig.settle()
    assert answered(rig, number)[1] == "UnknownAgent"
    rig.executor.halt.end({})
    await rig.settle()
    assert rig.kinds["waiter"].object_of(1) is None


async def test_tasks_that_wait_are_taken_back_at_once_whole_or_one_by_one() -> None:
    rig = Rig(Counter)
    rig.executor.halt.begin({})
    whole = outer(rig, "counter", (1, "add", 1), (2, "add", 1))
    some = outer(rig, "counter", (3, "add", 1), (4, "add", 1), (5, "add", 1))
    rig.executor.cancel([whole], rig.answers)
    rig.executor.cancel([some], rig.answers, 1)
    rig.executor.cancel([some], rig.answers, 1)
    assert answered(rig, whole) == {0: "TaskCancelled", 1: "TaskCancelled"}
    assert answered(rig, some) == {1: "TaskCancelled"}
    assert rig.executor.queued == 3
    rig.executor.halt.end({})
    assert answered(rig, some) == {0: 1, 1: "TaskCancelled", 2: 1}
    assert (rig.cells[DONE], rig.cells[FAILED], rig.executor.queued) == (2, 0, 0)
    assert rig.run("counter", (4, "add", 1)) == [1]


async def test_a_section_of_which_one_was_taken_back_is_taken_back_whole_afterwards() -> None:
    rig = Rig(Counter)
    rig.executor.halt.begin({})
    number = outer(rig, "counter", (1, "add", 1), (2, "add", 1))
    seen: list[int] = []

    class Once(Answers):
        def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Any]) -> None:
            seen.extend(positions)

    for job in rig.executor.halt._jobs:
        job.answers = Once()
    rig.executor.cancel([number], rig.answers, 0)
    rig.executor.cancel([number], rig.answers)
    assert sorted(seen) == [0, 1]
    assert rig.executor.queued == 0
