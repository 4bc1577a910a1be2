"""A task in parts, from its split to its join; who runs the parts is stood in for, the register and its journal are real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest

from engine import division as module
from engine.division import Division
from engine.errors import IntakeFull
from engine.journal import Journal
from engine.options import Options
from engine.register import Register
from engine.submission import Submission
from engine.task import Ending, Task
from pools.errors import Failure

BIG = Submission(None, "scout", "total", [[1, 2, 3]], None, options=Options(tenant="me"))


class Offers:
    """Holds what it is offered until the test says how it ended."""

    def __init__(self) -> None:
        self.put_tasks: list[Task] = []
        self.taken_back: list[Task] = []

    def put(self, tasks: Iterable[Task]) -> None:
        self.put_tasks += tasks

    def take_back(self, tasks: Iterable[Task], wish: str) -> None:
        assert wish == "cancelled"
        self.taken_back += tasks


class Rig:
    """One accepted task."""

    def __init__(self) -> None:
        self.register = Register("ab" * 16)
        loop = asyncio.get_running_loop()
        self.journal = Journal(self.register, None, loop=loop, landed=lambda _change, _more: None, on_event=print)
        self.offers = Offers()
        self.endings: list[Ending] = []
        self.division = Division(
            self.register, self.journal, self.offers, desk=loop, ended=self.endings.extend, wall_s=lambda: 5.0  # type: ignore[arg-type]
        )  # fmt: skip

    async def accepted(self, count: int = 1) -> list[Task]:
        draft = self.register.draft([BIG] * count, 1.0)
        await self.journal.accept(draft)
        return draft.tasks

    async def offered(self, count: int) -> list[Task]:
        """So many that are offered and have not ended."""
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(self.offers.put_tasks) == count
        tasks, self.offers.put_tasks = self.offers.put_tasks, []
        return tasks

    def end(self, task: Task, value: Any = None, error: Failure | None = None, state: str = "failed") -> None:
        if error is None:
            self.division.ended([task.end("done", 2.0, value=orjson.dumps(value))])
        else:
            self.division.ended([task.end(state, 2.0, error=error)])

    async def split(self, *parts: Any) -> tuple[Task, list[Task]]:
        (task,) = await self.accepted()
        self.division.begin(task)
        (splitter,) = await self.offered(1)
        self.end(splitter, list(parts))
        return task, await self.offered(len(parts))


@pytest.fixture
async def rig() -> Any:
    made = Rig()
    yield made
    await made.journal.close(1)


async def test_it_is_split_done_in_parts_and_joined_in_their_order_under_numbers_of_their_own(rig: Rig) -> None:
    (task,) = await rig.accepted()
    rig.division.begin(task)
    assert (task.state, task.attempts, task.started_s) == ("running", 1, 5.0)
    (splitter,) = await rig.offered(1)
    assert (splitter.agent, splitter.method, splitter.argument) == ("scout", "split", b'["total",[[1,2,3]]]')
    rig.end(splitter, [[[1]], [[2]], {"items": [3]}])
    parts = await rig.offered(3)
    assert [(part.method, part.argument, part.options.tenant) for part in parts] == [
        ("total", b"[[1]]", "me"), ("total", b"[[2]]", "me"), ("total", b'{"items":[3]}', "me"),
    ]  # fmt: skip
    rig.end(parts[2], 3)
    rig.end(parts[0], 1)
    assert task.progress == pytest.approx(2 / 3)
    rig.end(parts[1], 2)
    (joiner,) = await rig.offered(1)
    assert (joiner.method, joiner.argument) == ("join", b'["total",[1,2,3]]')
    numbers = [task.number, splitter.number, *(part.number for part in parts), joiner.number]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert rig.register.counts()["accepted"] == 1
    assert rig.register.mark == 0
    rig.end(joiner, 6)
    assert [(one.task, one.state, one.value) for one in rig.endings] == [(task, "done", b"6")]
    assert len(rig.division) == 0
    (later,) = await rig.accepted()
    assert later.number == 7


async def test_its_parts_are_written_down_until_its_end_is(rig: Rig) -> None:
    task, parts = await rig.split([[1]], [[2]])
    assert rig.register.room.held_bytes == task.held_bytes > task.size_bytes
    rig.end(parts[0], error=Failure("ValueError", "no"))
    rig.end(parts[1], 2)
    rig.journal.end(rig.endings)
    for _ in range(5):
        await asyncio.sleep(0)
    assert rig.register.room.held_bytes == 0


async def test_the_first_part_that_fails_ends_the_others_and_then_the_task(rig: Rig) -> None:
    task, parts = await rig.split([[1]], [[2]], [[3]])
    rig.end(parts[1], error=Failure("ValueError", "no"))
    assert rig.offers.taken_back == [parts[0], parts[2]]
    assert rig.endings == []
    rig.end(parts[0], 1)
    rig.end(parts[2], error=Failure("TaskCancelled", ""), state="cancelled")
    assert [(one.task, one.state, one.error) for one in rig.endings] == [
        (task, "failed", Failure("ValueError", "part 2 of 3: no"))
    ]


@pytest.mark.parametrize(("answer", "said"), [(5, "split answers a list"), ([1, 2], "each part")])
async def test_a_split_that_answers_no_parts_is_an_error(rig: Rig, answer: Any, said: str) -> None:
    (task,) = await rig.accepted()
    rig.division.begin(task)
    (splitter,) = await rig.offered(1)
    rig.end(splitter, answer)
    (ending,) = rig.endings
    assert ending.error is not None
    assert (ending.state, ending.error.type) == ("failed", "BadReply")
    assert said in ending.error.message


async def test_what_is_not_split_is_offered_as_it_is(rig: Rig) -> None:
    (task,) = await rig.accepted()
    rig.division.begin(task)
    (splitter,) = await rig.offered(1)
    rig.end(splitter, [[[1, 2, 3]]])
    assert await rig.offered(1) == [task]
    assert task.parts == [splitter]
    assert (task.attempts, len(rig.division)) == (0, 0)


@pytest.mark.parametrize("wish", ["cancelled", "expired"])
async def test_it_is_taken_back_with_its_parts_and_ends_once_they_have(rig: Rig, wish: str) -> None:
    task, parts = await rig.split([[1]], [[2]])
    task.deadline_s = 3.0
    assert rig.division.take_back(task, wish)
    assert rig.offers.taken_back == parts
    rig.end(parts[0], 1)
    assert rig.endings == []
    rig.end(parts[1], error=Failure("TaskCancelled", ""), state="cancelled")
    assert [one.state for one in rig.endings] == [wish]
    assert not rig.division.take_back(task, wish)


async def test_it_is_taken_back_while_its_parts_are_written_down(rig: Rig) -> None:
    (task,) = await rig.accepted()
    rig.division.begin(task)
    assert rig.division.take_back(task, "cancelled")
    assert rig.endings == []
    await rig.offered(0)
    assert [one.state for one in rig.endings] == ["cancelled"]


async def test_more_than_so_many_at_once_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIVIDED", 2)
    tasks = await rig.accepted(3)
    for task in tasks:
        rig.division.begin(task)
    first, _ = await rig.offered(2)
    assert tasks[2].state == "queued"
    rig.end(first, error=Failure("ValueError", "no"))
    (third,) = await rig.offered(1)
    assert third.whole is tasks[2]


async def test_parts_that_a_full_disk_refuses_are_written_down_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    real, refusals = rig.journal.accept, iter([IntakeFull("full")] * 2)

    def accept(draft: Any) -> Any:
        error = next(refusals, None)
        if error is None:
            return real(draft)
        rig.register.refuse([draft])
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error)
        return future

    (task,) = await rig.accepted()
    monkeypatch.setattr(rig.journal, "accept", accept)
    rig.division.begin(task)
    (splitter,) = await rig.offered(1)
    assert splitter.number == 4
    assert task.parts == [splitter]


def _stages() -> Iterator[tuple[int, int]]:
    yield 1, 1  # only the split was written down: it is asked again
    yield 5, 3  # the parts and the join were: the parts are


@pytest.mark.parametrize(("known", "asked"), [*_stages()])
async def test_what_was_begun_before_goes_on_where_it_had_stopped(rig: Rig, known: int, asked: int) -> None:
    (task,) = await rig.accepted()
    await rig.journal.accept(rig.register.divide(task, [("split", None), *[("total", b"1")] * 3, ("join", None)][:known]))
    rig.division.begin(task)
    parts = await rig.offered(asked)
    assert [part.method for part in parts] == (["split"] if asked == 1 else ["total"] * 3)


async def test_what_its_parts_and_their_join_changed_is_what_it_changed(rig: Rig) -> None:
    task, parts = await rig.split([[1]], [[2]])
    for part, effects in zip(parts, ({"fields": 1, "tests": 3}, {"fields": 2}), strict=True):
        rig.division.ended([part.end("done", 2.0, value=b"1")._replace(effects=effects, ran_s=0.5)])
    (joiner,) = await rig.offered(1)
    rig.division.ended([joiner.end("done", 2.0, value=b"2")._replace(effects={}, ran_s=0.25)])
    assert [(one.task, one.effects, one.ran_s) for one in rig.endings] == [(task, {"fields": 3, "tests": 3}, 1.25)]


async def test_a_task_in_parts_that_is_not_counted_has_no_effects(rig: Rig) -> None:
    _, parts = await rig.split([[1]], [[2]])
    for part in parts:
        rig.end(part, 1)
    (joiner,) = await rig.offered(1)
    rig.end(joiner, 2)
    assert [(one.effects, one.ran_s) for one in rig.endings] == [(None, None)]
