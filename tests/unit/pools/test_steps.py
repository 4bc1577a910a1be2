"""A step that has ended is not run again; one that a replay takes in another's place fails the task."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools import steps as floor
from pools.errors import (
    BadArgument,
    BadReply,
    CheckpointConflict,
    StepMismatch,
    StepTooLarge,
    StoreFull,
    TaskCancelled,
    TooManySteps,
)
from pools.steps import Question, Steps
from tests.support.disks import SimDisk
from tests.support.kept import Desk
from tests.support.stores import open_at

TASK = "0011-2048"


class Outside:
    """What is done outside, by hand."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)
        self.seen: list[Any] = []

    def __call__(self, *arguments: Any) -> Any:
        self.seen.append(arguments)
        value = self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    async def wait(self, *arguments: Any) -> Any:
        await asyncio.sleep(0)
        return self(*arguments)


async def ended(desk: Desk | None, taken: Any) -> Any:
    """The value of a step, with everything committed that is due."""
    task = asyncio.ensure_future(taken)
    for _ in range(20):
        await asyncio.sleep(0)
        if desk is not None:
            desk.settle()
    return await asyncio.wait_for(task, 0)


def take(made: Steps, name: str, function: Any, *arguments: Any) -> Any:
    return made.run(name, function, arguments, made.begin(name))


async def test_a_step_is_on_the_disk_before_its_value_is_returned() -> None:
    desk = Desk()
    made, outside = Steps(TASK, desk.ledger), Outside({"a": (1, 2)})
    task = asyncio.ensure_future(take(made, "fetch", outside.wait, "x", 5))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (outside.seen, task.done(), desk.gated.commits) == ([("x", 5)], False, 0)
    desk.land()
    assert desk.gated.commits == 1
    assert await task == {"a": [1, 2]}
    desk.close()


async def test_nothing_is_done_outside_before_what_was_recorded_earlier_is_on_the_disk() -> None:
    desk = Desk()
    desk.ledger.arrived([7])
    made, outside = Steps(TASK, desk.ledger), Outside(1)
    task = asyncio.ensure_future(take(made, "fetch", outside))
    for _ in range(20):
        await asyncio.sleep(0)
    assert outside.seen == []
    assert desk.land()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (outside.seen, task.done()) == ([()], False)
    desk.settle()
    assert await task == 1
    desk.close()


@pytest.mark.parametrize("value", [None, 5, "ä", [1, [2]], {"a": None}, 1.5, True])
async def test_a_replay_has_the_value_and_does_nothing_after_a_death(value: Any) -> None:
    disk = SimDisk()
    desk = Desk(disk)
    assert await ended(desk, take(Steps(TASK, desk.ledger), "fetch", Outside(value))) == value
    desk.kill()
    desk = Desk(disk)
    outside = Outside("other")
    for _ in range(2):
        made = Steps(TASK, desk.ledger)
        assert await ended(desk, take(made, "fetch", outside)) == value
        assert outside.seen == []
    assert await ended(desk, take(Steps("0011-2049", desk.ledger), "fetch", outside)) == "other"
    desk.close()


async def test_a_step_that_was_not_recorded_is_run_again_under_its_id() -> None:
    disk = SimDisk()
    desk = Desk(disk)
    ids = []
    for _ in range(2):
        made = Steps(TASK, desk.ledger)

        def effect(made: Steps = made) -> str:
            ids.append(made.id)
            return made.id

        ids.append(made.id)  # as an argument would have it
        task = asyncio.ensure_future(take(made, "fetch", effect))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if len(ids) == 2:
            task.cancel()
            desk.kill()
            desk = Desk(disk)
        else:
            await ended(desk, task)
            assert made.id == f"{TASK}/1"
    assert ids == [f"{TASK}/0"] * 4
    desk.close()


async def test_an_error_is_not_kept_and_a_later_try_is_another_step() -> None:
    desk = Desk()
    made, outside = Steps(TASK, desk.ledger), Outside(ValueError("as told"), 7)
    with pytest.raises(ValueError, match="as told"):
        await ended(desk, take(made, "fetch", outside))
    assert desk.ledger.recall.steps.tasks == {}
    assert await ended(desk, take(made, "fetch", outside)) == 7
    assert list(desk.ledger.recall.steps.of(TASK)) == [1]
    desk.close()


async def test_steps_at_once_have_ids_and_values_of_their_own() -> None:
    desk = Desk()
    made = Steps(TASK, desk.ledger)

    async def effect(number: int) -> list[Any]:
        before = made.id
        await asyncio.sleep(0)
        return [number, before == made.id, made.id]

    taken = [take(made, f"s{number}", effect, number) for number in range(3)]
    values = await ended(desk, asyncio.gather(*taken))
    assert values == [[number, True, f"{TASK}/{number}"] for number in range(3)]
    desk.close()


async def test_an_id_does_not_leak_into_other_tasks_that_begin_meanwhile() -> None:
    made, other = Steps(TASK, None), Steps("0011-1", None)
    seen: list[str] = []

    async def effect() -> None:
        await asyncio.create_task(note())
        asyncio.get_running_loop().call_soon(lambda: seen.append(other.id))
        await asyncio.sleep(0)

    async def note() -> None:
        seen.append(other.id)

    await ended(None, take(made, "x", effect))
    assert seen == ["0011-1/0"] * 2


async def test_other_steps_in_a_replay_fail_it_whatever_it_makes_of_the_error() -> None:
    desk = Desk()
    made = Steps(TASK, desk.ledger)
    await ended(desk, take(made, "one", Outside(1)))
    await ended(desk, take(made, "two", Outside(2)))
    question = made.ask("tally/1", "add")
    assert isinstance(question, Question)
    made.answered(question, None, 5)
    made.end()
    for act in (lambda again: again.begin("uno"), lambda again: again.ask("tally/1", "add")):
        again = Steps(TASK, desk.ledger)
        with pytest.raises(StepMismatch, match="step 0 was 'one'"):
            act(again)
        with pytest.raises(StepMismatch):
            again.end()
    again = Steps(TASK, desk.ledger)
    again.begin("one")
    again.begin("two")
    with pytest.raises(StepMismatch, match="a question to tally/1 for add, and is a question to tally/2 for add"):
        again.ask("tally/2", "add")
    short = Steps(TASK, desk.ledger)
    short.begin("one")
    with pytest.raises(StepMismatch, match="ended before step 1"):
        short.end()
    desk.close()


async def test_a_question_that_has_its_answer_is_not_asked_again_and_one_that_has_not_keeps_its_number() -> None:
    disk = SimDisk()
    desk = Desk(disk)
    made = Steps(TASK, desk.ledger)
    first, second, third = (made.ask("tally/1", "add") for _ in range(3))
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert isinstance(third, Question)
    assert (first.number, first.name, second.name) == (None, f"{TASK}.0", f"{TASK}.1")
    made.answered(first, None, [5])
    desk.ledger.recall.stepped(TASK, 1, ["tally/1", "add"], 77)
    made.is_over = True
    made.answered(third, None, 6)  # nobody waits for it any more
    desk.settle()
    desk.kill()
    desk = Desk(disk)
    made = Steps(TASK, desk.ledger)
    answer = made.ask("tally/1", "add")
    assert not isinstance(answer, Question)
    assert await answer == [5]
    again = [made.ask("tally/1", "add") for _ in range(2)]
    assert [one.number for one in again if isinstance(one, Question)] == [77, None]
    desk.close()


# -- checkpoints -------------------------------------------------------------------------------------------------------


def record(made: Steps, sort: str, write: Any) -> Any:
    return made.record(sort, made.begin_checkpoint(sort), write)


async def test_a_checkpoint_is_on_the_disk_before_it_is_told_and_a_replay_makes_no_other() -> None:
    disk = SimDisk()
    desk = Desk(disk)
    outside = Outside(7)
    task = asyncio.ensure_future(record(Steps(TASK, desk.ledger), "user", outside))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (outside.seen, task.done(), desk.gated.commits) == ([(0,)], False, 0)
    desk.land()
    assert await task == 7
    desk.kill()
    desk = Desk(disk)
    assert await ended(desk, record(Steps(TASK, desk.ledger), "user", Outside())) == 7
    for act in (
        lambda made: made.begin_checkpoint("milestone"),
        lambda made: made.begin("user"),
        lambda made: made.ask("user", "x"),
    ):
        with pytest.raises(StepMismatch, match="step 0 was a checkpoint user"):
            act(Steps(TASK, desk.ledger))
    desk.close()


async def test_a_checkpoint_that_is_refused_is_not_kept_and_a_task_that_is_over_makes_none() -> None:
    desk = Desk()
    made, outside = Steps(TASK, desk.ledger), Outside(CheckpointConflict("as told", actual=3), 4)
    with pytest.raises(CheckpointConflict, match="as told"):
        await ended(desk, record(made, "user", outside))
    assert await ended(desk, record(made, "user", outside)) == 4
    assert list(desk.ledger.recall.steps.of(TASK)) == [1]
    made.is_over = True
    with pytest.raises(TaskCancelled, match="records nothing more"):
        await ended(desk, record(made, "user", outside))
    assert outside.seen == [(0,), (1,)]
    desk.close()
    desk = Desk(refused=StoreFull("as told"))
    with pytest.raises(StoreFull):
        await ended(desk, record(Steps(TASK, desk.ledger), "user", outside))
    assert outside.seen == [(0,), (1,)]
    desk.close()


async def test_who_goes_on_behind_a_checkpoint_takes_the_steps_behind_it() -> None:
    desk = Desk()
    made = Steps(TASK, desk.ledger)
    for at in range(3):
        await ended(desk, take(made, f"step {at}", Outside(at)))
    again, outside = Steps(TASK, desk.ledger), Outside(9)
    again.resume(1)
    assert again.id == f"{TASK}/2"
    assert (again.done, again.checkpoints, again.answers) == (2, 0, 0)
    assert await ended(desk, take(again, "step 2", outside)) == 2
    assert await ended(desk, take(again, "step 3", outside)) == 9
    assert again.done == 4
    again.end()
    again = Steps(TASK, desk.ledger)
    again.resume(77)  # whose step is not there: the task had ended, and is run anew
    assert again.id == f"{TASK}/0"
    alone = Steps(TASK, None)
    alone.resume(1)
    assert alone.id == f"{TASK}/0"
    desk.close()


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_where_nothing_is_kept_the_values_are_the_same_and_no_step_can_differ() -> None:
    made = Steps(TASK, None)
    assert await ended(None, take(made, "one", Outside((1, {"a": 2})))) == [1, {"a": 2}]
    made.end()
    again = Steps(TASK, None)
    assert await ended(None, take(again, "other", Outside(3))) == 3
    again.end()


@pytest.mark.parametrize("name", ["", "x" * 129, 5, None, "\ud800"])
def test_a_name_is_a_short_text(name: Any) -> None:
    with pytest.raises(BadArgument, match="1 to 128"):
        Steps(TASK, None).begin(name)


@pytest.mark.parametrize("value", [{1, 2}, b"x", float("nan"), {1: 2}, 2**64, object()])
async def test_a_value_that_cannot_be_kept_is_told(value: Any) -> None:
    desk = Desk()
    for ledger in (None, desk.ledger):
        with pytest.raises(BadReply, match="step 'x'"):
            await ended(desk, take(Steps(TASK, ledger), "x", Outside(value)))
    desk.close()


async def test_values_and_steps_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(floor, "STEP_BYTES", 100)
    monkeypatch.setattr(floor, "STEPS_BYTES", 250)
    monkeypatch.setattr(floor, "TASK_STEPS", 5)
    for ledger in (None, desk.ledger):
        made = Steps(TASK, ledger)
        with pytest.raises(StepTooLarge, match="101 bytes"):
            await ended(desk, take(made, "x", Outside("y" * 99)))
        for _ in range(3):
            assert await ended(desk, take(made, "x", Outside("y" * 98))) == "y" * 98
        with pytest.raises(StepTooLarge, match="250 bytes"):
            made.begin("x")
    many = Steps("0011-1", desk.ledger)
    for _ in range(5):
        many.begin("x")
    for act in (lambda: many.begin("x"), lambda: many.ask("tally/1", "add")):
        with pytest.raises(TooManySteps, match="5 steps"):
            act()
    desk.close()


async def test_without_room_no_step_is_taken_and_those_that_ended_have_their_values() -> None:
    first = Desk()
    assert await ended(first, take(Steps(TASK, first.ledger), "fetch", Outside(5))) == 5
    first.kill()
    desk = Desk(first.disk, store=open_at(first.disk, shards=1, is_dry=True), refused=StoreFull("as told"))
    made, outside = Steps(TASK, desk.ledger), Outside(6)
    assert await ended(desk, take(made, "fetch", outside)) == 5
    with pytest.raises(StoreFull):
        await ended(desk, take(made, "pay", outside))
    assert outside.seen == []
    question = Question(made, 2, "a/1", "get", None)
    made.answered(question, None, 7)
    assert 2 not in desk.ledger.recall.steps.of(TASK)  # an agent of the same worker, which has changed nothing
    made.answered(question, 99, 7)
    assert desk.ledger.recall.steps.of(TASK)[2].value == 7  # another one's, which may have: it is recorded with room
    desk.kill()
