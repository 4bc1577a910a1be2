"""What a task has changed is counted from its agent's state and from what it had the engine do, never from what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pools.effects import COUNTED, MOST, NAME_CHARS, NAMES, Tally, reported, summed
from pools.errors import BadArgument, Failure
from pools.job import Known
from pools.kind import Kind
from tests.support.changers import Changer, Scale
from tests.support.clocks import Clock
from tests.support.rigs import Rig


def tally(made: Any = Scale, clock: Clock | None = None) -> tuple[Tally, Any, Kind]:
    """A tally, the agent whose task it is of, and its kind."""
    kind = Kind(made)
    agent = kind.make(1)
    return Tally(kind, agent, (clock or Clock()).ns), agent, kind


def changed(made: Any, change: Callable[[Any], None]) -> dict[str, int]:
    """The effects of a task that changes an agent so."""
    count, agent, kind = tally(made)
    change(agent)
    if not kind.is_light:
        agent._committed = kind.commit(agent)
    effects: dict[str, int] = count.beside(None, ())[1]
    return effects


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda _agent: None, 0),
        (lambda agent: setattr(agent, "weight", 0), 0),
        (lambda agent: setattr(agent, "weight", 3), 1),
        (lambda agent: setattr(agent, "share", float("0")), 0),
        (lambda agent: setattr(agent, "share", -0.0), 1),
        (lambda agent: agent.both(1, 0.5), 2),
        (lambda agent: (agent.both(1, 0.5), agent.both(0, 0.0)), 0),
    ],
)
def test_a_field_of_a_light_agent_counts_if_it_has_another_value(change: Any, fields: int) -> None:
    assert changed(Scale, change) == ({"fields": fields} if fields else {})


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda agent: agent.look(), 0),
        (lambda agent: agent.nest("a"), 1),
        (lambda agent: (agent.nest("a"), agent.deep.clear()), 0),
        (lambda agent: agent.words.append("a"), 1),
        (lambda agent: agent.words.extend([]), 0),
        (lambda agent: agent.table.update(a=1.5, b=[]), 1),
        (lambda agent: (agent.table.update(a=1.5), agent.table.pop("a")), 0),
        (lambda agent: agent.write("x", 1), 2),
        (lambda agent: (agent.write("x", 1), agent.nest("a"), agent.grow("a")), 4),
    ],
)
def test_a_field_counts_once_however_deep_and_often_it_was_changed(change: Any, fields: int) -> None:
    assert changed(Changer, change) == ({"fields": fields} if fields else {})


@pytest.mark.parametrize("entry", [1, 1.5, -0.0, True, None, "text", [1, {"a": 0.5}]])
def test_an_entry_that_is_written_again_is_no_change(entry: Any) -> None:
    kind = Kind(Changer)
    agent: Any = kind.make(1)
    for fields in (1, 0, 0):
        count = Tally(kind, agent, Clock().ns)
        agent.table["entry"] = entry
        agent._committed = kind.commit(agent)
        assert count.beside(None, ())[1] == ({"fields": 1} if fields else {})


def test_messages_are_counted_by_their_kind_and_what_is_not_done_is_not_there() -> None:
    count, _, _ = tally()
    outbox: list[Any] = [("tell", "a/1", "x", None)] * 2 + [("spawn", "a", 1), ("timer", 1.0, "x", None)]
    assert count.beside([1], outbox) == [[1], {"tells": 2, "spawns": 1, "timers": 1}, 0.0]


def test_the_time_is_from_the_call_to_its_end_whatever_that_is() -> None:
    clock = Clock()
    count, _, _ = tally(clock=clock)
    clock.pass_s(5)
    assert count.timed(lambda: clock.pass_s(0.25), is_async=False)() is None
    clock.pass_s(5)
    assert count.ran_s == 0.25

    def fail() -> None:
        clock.pass_s(0.5)
        raise ValueError("as told")

    with pytest.raises(ValueError, match="as told"):
        count.timed(fail, is_async=False)()
    assert count.ran_s == 0.5


async def test_the_time_of_an_async_task_has_its_waiting_in_it() -> None:
    clock = Clock()
    count, _, _ = tally(clock=clock)

    async def wait() -> int:
        for _ in range(3):
            await asyncio.sleep(0)
            clock.pass_s(1)
        return 7

    assert await count.timed(wait, is_async=True)() == 7
    assert count.ran_s == 3.0


async def test_an_ask_counts_once_it_is_answered() -> None:
    count, _, _ = tally()
    answered, failed, taken_back, open_ = (asyncio.get_running_loop().create_future() for _ in range(4))
    known = asyncio.get_running_loop().create_future()
    known.set_result(1)
    for future in (answered, failed, taken_back, open_, known):
        count.asked(future)
    assert count.beside(None, ())[1] == {"asks": 1}  # what was known at once
    answered.set_result(None)
    failed.set_exception(ValueError("as told"))
    taken_back.cancel()
    await asyncio.sleep(0)
    assert count.beside(None, ())[1] == {"asks": 2}


def test_what_a_fork_counted_is_taken_as_it_says() -> None:
    far, _, _ = tally()
    far.ran_s = 0.5
    far.counts.update(steps=2, tests=3)
    near, agent, _ = tally()
    near.hear(far.told())
    agent.weight = 1
    assert near.beside(None, ()) == [None, {"steps": 2, "fields": 1, "tests": 3}, 0.5]


# -- what a task reports -----------------------------------------------------------------------------------------------


def test_what_is_reported_under_one_name_adds_up() -> None:
    counts: dict[str, int] = {}
    for name, count in (("tests", 3), ("lines", 0), ("tests", 4), ("n" * NAME_CHARS, MOST)):
        reported(counts, name, count)
    assert counts == {"tests": 7, "lines": 0, "n" * NAME_CHARS: MOST}


@pytest.mark.parametrize("name", ["", "n" * (NAME_CHARS + 1), None, 5, b"tests", ["tests"], "half \udc80", *COUNTED])
def test_a_name_is_a_short_text_that_is_not_the_engines(name: Any) -> None:
    counts: dict[str, int] = {}
    with pytest.raises(BadArgument, match="report: "):
        reported(counts, name, 1)
    assert counts == {}


@pytest.mark.parametrize("count", [-1, 1.0, True, None, "1", MOST + 1, MOST, float("nan"), float("inf")])
def test_a_count_is_a_whole_number_that_everybody_can_read(count: Any) -> None:
    counts = {"tests": 1}
    with pytest.raises(BadArgument, match="tests is a whole number"):
        reported(counts, "tests", count)
    assert counts == {"tests": 1}


def test_a_task_reports_under_so_many_names_and_no_more() -> None:
    counts: dict[str, int] = {}
    for at in range(NAMES):
        reported(counts, f"name {at}", 1)
    reported(counts, "name 0", 1)
    with pytest.raises(BadArgument, match=f"up to {NAMES} names"):
        reported(counts, "one more", 1)
    assert len(counts) == NAMES


def test_effects_together_are_summed_by_name_within_the_same_limits() -> None:
    assert summed([]) == {}
    assert summed([{"fields": 1, "tests": 2}, {}, {"fields": 2, "lines": MOST}, {"lines": 5}]) == {
        "fields": 3, "tests": 2, "lines": MOST,
    }  # fmt: skip
    many = summed([{f"name {at}": 1, "steps": 1} for at in range(2 * NAMES)])
    assert many.pop("steps") == 2 * NAMES
    assert many == {f"name {at}": 1 for at in range(NAMES)}


# -- in a worker -------------------------------------------------------------------------------------------------------


def section(number: int, kind: str, *tasks: tuple[Any, ...], **more: Any) -> dict[str, Any]:
    """A section of tasks (key, method, argument as it is sent) whose effects are counted."""
    names = list(dict.fromkeys(task[1] for task in tasks))
    columns = {"i": [task[0] for task in tasks], "a": [task[2] for task in tasks]}
    codes = names[0] if len(names) == 1 else [names, [names.index(task[1]) for task in tasks]]
    return {"n": number, "k": kind, "m": codes, "fx": 1, **columns, **more}


def test_tasks_that_are_counted_answer_with_their_effects_and_others_without(capfd: pytest.CaptureFixture[str]) -> None:
    rig = Rig(Scale)
    rig.executor.accept(section(1, "scale", (1, "put", 5)), rig.answers)  # alone, which has a short way
    many = [(1, "put", 5), (1, "put", 6), (1, "fail", None), (2, "look", None), (1, "nothing", None), (1, "put", "x")]
    rig.executor.accept(section(2, "scale", *many), rig.answers)
    rig.turns.run()
    assert rig.answers.of(1, 1) == [[5, {"fields": 1}, 0.0]]
    same, other, failed, looked, unknown, wrong = rig.answers.of(2, 6)
    assert (same, other, looked) == ([5, {}, 0.0], [6, {"fields": 1}, 0.0], [[0, 0.0], {}, 0.0])
    assert [each.type for each in (failed, unknown, wrong)] == ["ValueError", "UnknownMethod", "BadArgument"]
    said = capfd.readouterr().err
    assert "in fail" in said
    assert "effects.py" not in said.replace(__file__, "")  # the lines of the agent's code, and none of ours
    rig.executor.accept({**section(3, "scale", (1, "put", 7), (1, "look", None)), "fx": 0}, rig.answers)
    assert rig.answers.of(3, 2) == [7, [7, 0.0]]


async def test_tasks_that_wait_and_that_take_turns_have_each_their_own() -> None:
    rig = Rig(Changer, Scale)
    tasks = [(1, "all_of_it", None), (1, "say", 2), (1, "claim_and_fail", None), (1, "look", None)]
    rig.executor.accept(section(1, "changer", *tasks), rig.answers)
    await rig.settle()
    for _ in range(2):
        *_, future = rig.office.asked[-1]
        future.set_result(None)
        await rig.settle()
    first, said, failed, looked = rig.answers.of(1, 4)
    assert first[:2] == [0, {"fields": 1, "steps": 2, "checkpoints": 1, "asks": 2, "tells": 1, "tests": 3}]
    assert said[1] == {"tells": 2, "spawns": 2, "timers": 2, "tests": 42, "lines": 1}
    assert isinstance(failed, Failure)
    assert looked[1] == {}


async def test_a_task_that_runs_alone_is_counted_and_one_that_was_done_keeps_what_it_had() -> None:
    rig = Rig(Scale)
    rig.executor.accept(section(1, "scale", (1, "put", 5), (2, "put", 0), x=[0, 1]), rig.answers)
    for _ in range(400):
        await rig.settle()
        await asyncio.sleep(0.005)
        if len(rig.answers.order) == 2:
            break
    assert [answer[:2] for answer in rig.answers.of(1, 2)] == [[5, {"fields": 1}], [0, {}]]
    assert Known([5, {"fields": 1}, 0.5]).value == [5, {"fields": 1}, 0.5]
