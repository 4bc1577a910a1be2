"""Submit, wait, cancel, try again: over a worker by hand, with nothing between the call and its answer but the journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from engine import detached as module
from engine.errors import EngineStopped, IntakeFull, TaskEnded, TaskOpen, UnknownTask
from engine.task import Task
from pools.errors import BadArgument, UnknownKind
from tests.support.accepted import ADD, Desk, desk
from tests.support.processes import until


async def test_a_task_is_offered_once_it_is_accepted_and_waited_for_by_its_id() -> None:
    async with desk() as made:
        first, second = await made.detached.submit([ADD, ADD._replace(argument=None)])
        (section,) = await made.sent(1)
        assert section["i"] == [1, 1]
        waiting = [asyncio.ensure_future(made.detached.ended(name, 5)) for name in (first, first, second)]
        await asyncio.sleep(0)
        made.answer()
        tasks = await asyncio.gather(*waiting)
        assert [task.outcome() for task in tasks] == [1, 1, 1]
        shown = made.detached.account.result(tasks[0])
        assert (shown["id"], shown["state"], orjson.loads(orjson.dumps(shown))["value"]) == (first, "done", 1)
        assert (await made.detached.ended(first, 0)) is tasks[0]


async def test_an_agent_of_a_kind_is_chosen_when_its_task_is_accepted() -> None:
    async with desk() as made:
        names = await made.detached.submit([ADD._replace(address="counter")] * 2)
        await made.sent(1)
        assert [made.detached.register.find(name).agent for name in names] == ["counter/1", "counter/2"]
        with pytest.raises(UnknownKind) as caught:
            await made.detached.submit([ADD, ADD._replace(address="nothing")])
        assert caught.value.__notes__ == ["task 1"]
        assert made.detached.register.accepted == 2


async def test_the_same_key_is_the_same_submission_also_while_it_is_written_down() -> None:
    async with desk() as made:
        first, same = await asyncio.gather(*(made.detached.submit([ADD], "mine") for _ in range(2)))
        assert first == same == await made.detached.submit([ADD], "mine")
        assert made.detached.register.accepted == 1
        assert await made.detached.submit([ADD], "other") != first


async def test_who_waits_for_a_task_that_stays_open_is_told_so_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with desk() as made:
        (name,) = await made.detached.submit([ADD])
        with pytest.raises(TaskOpen, match=r"within 0.01 s") as caught:
            await made.detached.ended(name, 0.01)
        assert caught.value.retry_after_s
        waiting = asyncio.ensure_future(made.detached.ended(name, 5))
        await asyncio.sleep(0)
        monkeypatch.setattr(module, "WAITERS", 1)
        with pytest.raises(IntakeFull):
            await made.detached.ended(name, 5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (made.detached._waiters, made.detached._waiting) == ({}, 0)
        with pytest.raises(UnknownTask):
            await made.detached.ended("x", 5)


async def test_who_waits_when_the_engine_stops_is_told_so() -> None:
    async with desk() as made:
        (name,) = await made.detached.submit([ADD])
        waiting = asyncio.ensure_future(made.detached.ended(name, 60))
        await asyncio.sleep(0)
    with pytest.raises(EngineStopped):
        await waiting


async def test_deadlines_end_in_their_order_and_a_task_that_is_done_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as made:
        late, early, done = await made.detached.submit(
            [ADD._replace(deadline_s=deadline_s) for deadline_s in (0.5, 0.02, 0.04)]
        )
        await made.sent(1)
        section = made.wire.sections[0]
        made.link.take([{"n": section["n"], "i": [2], "v": [5]}])
        await made.detached.ended(done, 5)
        await until(lambda: len(made.wire.orders) == 2)
        assert [order["position"] for order in made.wire.orders] == [1, 0]
        cancelled = ["TaskCancelled", "cancelled before it began", None]
        made.link.take([{"n": section["n"], "i": [0, 1], "v": [None, None], "e": [[0, *cancelled], [1, *cancelled]]}])
        for name in (late, early):
            task = await made.detached.ended(name, 5)
            assert task.state == "expired"
            assert task.error is not None
            assert task.error.type == "TaskExpired"
        assert made.detached.register.counts()["done"] == 1


async def test_a_deadline_that_is_left_over_is_between_nothing_and_all_of_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        names = await made.detached.submit([ADD._replace(deadline_s=60.0)] * 2)
    for now_s, left_s in ((900.0, 60.0), (1_050.0, 10.0), (5_000.0, 0.0)):  # the clock was set back, went on, jumped ahead
        found, loop = Desk(tmp_path), asyncio.get_running_loop()
        found.now_s = now_s
        found.detached._deadlines._heap.clear()
        before_s = loop.time()
        for name in names:
            found.detached._set_deadline(found.detached.register.find(name))
        assert found.detached._deadlines._heap[0][0] - before_s == pytest.approx(left_s, abs=0.5)
        found.detached.hold()
        await found.detached.close()


async def test_cancel_says_how_the_task_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANCEL_S", 0.02)
    async with desk() as made:
        running, done = await made.detached.submit([ADD, ADD])
        await made.sent(1)
        section = made.wire.sections[0]
        made.link.take([{"n": section["n"], "i": [1], "v": [5]}])
        await made.detached.ended(done, 5)
        with pytest.raises(TaskEnded, match="is done; it cannot be cancelled"):
            await made.detached.cancel(done)
        assert made.detached.register.find(done).outcome() == 5
        assert (await made.detached.cancel(running)).state == "running"
        made.link.take([{"n": section["n"], "v": [None], "o": 0, "e": [[0, "TaskCancelled", "", None]]}])
        assert (await made.detached.ended(running, 5)).state == "cancelled"
        assert made.detached.account.facts(made.detached.register.find(running))["cause"]["type"] == "TaskCancelled"


async def test_dead_letters_are_listed_newest_first_and_requeued_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    async with desk() as made:
        names = await made.failed(5)
        assert [letter["id"] for letter in made.detached.account.letters(1, 2)] == [names[3], names[2]]
        assert orjson.loads(orjson.dumps(made.detached.account.letter(made.detached.register.find(names[0]))))["args"] == 2
        both = await asyncio.gather(made.detached.requeue(None), made.detached.requeue(None), return_exceptions=True)
        done = [pair for pairs in both if isinstance(pairs, list) for pair in pairs]
        assert sorted(old for old, _ in done) == sorted(names)
        assert len({new for _, new in done}) == 5
        assert made.detached.register.counts()["accepted"] == 10
        assert await made.detached.requeue(None) == []


async def test_large_dead_letters_are_requeued_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as made:
        names = await made.failed(5)
        monkeypatch.setattr(module, "AT_ONCE_BYTES", 2 * made.detached.register.find(names[0]).size_bytes)
        before = made.detached.journal.commits
        assert len(await made.detached.requeue(names)) == 5
        assert made.detached.journal.commits == before + 3


async def test_a_page_is_of_one_state_or_of_all_the_newest_first() -> None:
    async with desk() as made:
        names = await made.failed(3)
        (more,) = await made.detached.submit([ADD._replace(name="mine")])
        assert [task["id"] for task in made.detached.account.page(0, 2)] == [more, names[2]]
        assert [task["id"] for task in made.detached.account.page(1, 9, {"state": "failed"})] == names[1::-1]
        assert made.detached.account.page(0, 9, {"state": "done"}) == []
        assert made.detached.account.page(0, 1)[0]["name"] == "mine"
        with pytest.raises(BadArgument, match="queued"):
            made.detached.account.page(0, 9, {"state": "gone"})


async def test_what_is_open_is_offered_again_by_the_next_one_under_its_number(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        names = await made.detached.submit([ADD] * 3)
        (section,) = await made.sent(1)
        session = section["c"]
        made.link.take([{"n": section["n"], "i": [1], "v": [5]}])
        await made.detached.ended(names[1], 5)
    async with desk(tmp_path) as made:
        (section,) = await made.sent(1)
        assert (section["c"], section["q"], section["cw"]) == (session, [1, 3], 0)
        assert [event.name for event in made.events] == ["tasks.kept"]
        made.answer()
        tasks: list[Task] = [await made.detached.ended(name, 5) for name in names]
        assert [(task.state, task.attempts) for task in tasks] == [("done", 2), ("done", 1), ("done", 2)]
        assert made.detached.register.counts()["open"] == 0
