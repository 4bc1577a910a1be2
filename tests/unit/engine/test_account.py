"""What is told of a task is what happened to it: times that add up, attempts as they went, what it waits for and since when."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.account import ARGUMENT_BYTES, Account
from engine.options import Options
from engine.task import Try
from pools.errors import BadArgument, Failure, WorkerDied
from tests.support.accepted import ADD, Desk, desk
from tests.support.processes import until


def story(made: Desk, name: str) -> dict[str, Any]:
    """Why a task stands so, as it is sent."""
    account = made.detached.account
    told: dict[str, Any] = orjson.loads(orjson.dumps(account.why(made.detached.register.find(name))))
    time = told["time"]
    assert time["total_s"] == pytest.approx(sum(part for name, part in time.items() if name != "total_s"))
    return told


async def test_the_time_of_a_task_is_divided_into_what_it_waited_for_and_what_was_done() -> None:
    async with desk() as made:
        await made.detached.submit([ADD._replace(name="a")])
        (name,) = await made.detached.submit([ADD._replace(name="b", after=("a",))])
        await made.sent(1)
        made.now_s += 3
        told = story(made, "b")
        assert told["waited_for"][0] | {"id": ""} == {
            "task": "a",
            "id": "",
            "state": "running",
            "ended_s": None,
            "waited_s": 3.0,
        }
        assert (told["task"]["waiting_for"], told["task"]["waiting_for_count"]) == (["a"], 1)
        assert (told["time"]["tasks_s"], told["attempts"]) == (3.0, [])
        made.answer()
        await made.detached.ended("a", 5)
        await made.sent(2)
        made.now_s += 4
        told = story(made, name)
        assert told["waited_for"][0]["state"] == "done"
        assert told["waited_for"][0]["waited_s"] == 3.0
        assert told["task"]["waiting_for"] == []
        assert told["attempts"] == [{"started_s": 1_003.0, "ended_s": None, "agent": "counter/1", "error": None}]
        made.answer()
        await made.detached.ended("b", 5)
        made.now_s += 100  # what has ended takes no more time
        expected = {"total_s": 7.0, "tasks_s": 3.0, "due_s": 0.0, "room_s": 0.0, "attempts_s": 4.0, "between_s": 0.0}
        assert story(made, "b")["time"] == expected


async def test_each_attempt_is_told_with_its_cause_and_the_pause_between() -> None:
    async with desk() as made:
        (name,) = await made.detached.submit([ADD._replace(options=Options(retries=1, backoff_s=0.001))])
        await made.sent(1)
        made.now_s += 2
        made.answer(errors=[[0, "ValueError", "first", None]])
        task = made.detached.register.find(name)
        assert (task.state, made.detached.account.facts(task)["due_s"]) == ("waiting", pytest.approx(1_002.0, abs=0.01))
        made.now_s += 1
        await made.sent(2)
        assert made.detached.account.facts(task)["due_s"] is None
        made.now_s += 5
        told = story(made, name)
        assert [each["error"] for each in told["attempts"]] == [{"type": "ValueError", "message": "first"}, None]
        assert (told["time"]["attempts_s"], told["time"]["between_s"]) == (7.0, 1.0)
        made.answer(errors=[[0, "ValueError", "second", None]])
        await made.detached.ended(name, 5)
        told = story(made, name)
        assert [each["error"]["message"] for each in told["attempts"]] == ["first", "second"]  # none is there twice
        assert (told["task"]["attempts"], told["task"]["retried"]) == (2, 1)


async def test_a_task_that_waits_for_its_time_says_until_when() -> None:
    async with desk() as made:
        (name,) = await made.detached.submit([ADD._replace(options=Options(delay_s=60))])
        facts = made.detached.account.facts(made.detached.register.find(name))
        assert (facts["state"], facts["due_s"], facts["waiting_for"]) == ("waiting", 1_060.0, [])
        made.now_s += 10
        assert story(made, name)["time"]["due_s"] == 10.0
        await made.detached.cancel(name)
        assert made.detached.account.facts(made.detached.register.find(name))["due_s"] is None
        assert story(made, name)["attempts"] == []


async def test_what_waits_for_its_worker_has_waited_for_room() -> None:
    async with desk() as made:
        made.link.detach(WorkerDied("it died"), drop_waiting=False)
        made.link.reason = WorkerDied("it died")
        (name,) = await made.detached.submit([ADD])
        await until(lambda: made.detached.register.find(name).ready_s is not None)
        made.now_s += 4
        assert story(made, name)["time"] == {
            "total_s": 4.0, "tasks_s": 0.0, "due_s": 0.0, "room_s": 4.0, "attempts_s": 0.0, "between_s": 0.0,
        }  # fmt: skip
        await made.detached.cancel(name)


async def test_large_arguments_are_told_by_their_size_and_many_tasks_by_their_number() -> None:
    async with desk() as made:
        many = tuple(f"t{at}" for at in range(300))
        large = ADD._replace(name="x", argument="x" * ARGUMENT_BYTES, after=many)
        await made.detached.submit([large])
        told = story(made, "x")
        assert (told["args"], told["args_bytes"]) == (None, ARGUMENT_BYTES + 2)
        assert (len(told["waited_for"]), told["waited_for_count"]) == (100, 300)
        (listed,) = made.detached.account.page(0, 10)
        assert (len(listed["waiting_for"]), listed["waiting_for_count"], len(listed["options"]["after"])) == (5, 300, 5)


async def test_what_waits_for_a_task_that_was_let_go_or_dropped_says_so() -> None:
    async with desk() as made:
        (lost,) = await made.failed()
        waiting = ADD._replace(name="w", after=(lost,), options=Options(after_failed="wait"))
        await made.detached.submit([waiting])
        assert story(made, "w")["waited_for"][0]["state"] == "failed"
        await made.detached.requeue([lost])
        assert story(made, "w")["waited_for"][0]["state"] in ("queued", "running")


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadArgument, match="a task is queued, waiting, running, done, failed, cancelled or expired"):
        Account(None, float).page(0, 1, {"state": "gone"})  # type: ignore[arg-type]


async def test_only_the_newest_attempts_are_known_and_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    async with desk() as made:
        (name,) = await made.failed()
        task = made.detached.register.find(name)
        task.tries = (Try(2_000.0, 1_990.0, "counter/1", "E", ""),)
        task.error = Failure("E", "")
        assert all(seconds >= 0 for seconds in made.detached.account.why(task)["time"].values())
