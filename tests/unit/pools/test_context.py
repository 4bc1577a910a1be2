"""What a task sends stays in its outbox until the task has succeeded."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from pools.context import Context
from pools.counter import Counter
from pools.errors import BadAddress, BadArgument, OutboxFull, StepMismatch, TaskCancelled
from pools.job import Job, Waiting
from pools.kind import Kind
from pools.ledger import Ledger
from pools.logbook import kept_in
from pools.spec import OUTBOX_BYTES, OUTBOX_MESSAGES
from tests.support.kept import Desk
from tests.support.rigs import Answers, Office

COUNTER = Kind(Counter)


def made(office: Office, task_id: str, ledger: Ledger | None = None, **facts: Any) -> Context:
    """The context of a task of counter/1."""
    return Context(office, COUNTER, COUNTER.make(1), task_id, ledger, **facts)


def context() -> Context:
    return made(Office(), "7.3")


def test_a_context_says_who_and_which_task_it_is() -> None:
    ctx = context()
    assert (ctx.agent_id, ctx.task_id, ctx.outbox) == ("counter/1", "7.3", [])


@pytest.mark.parametrize(
    ("arguments", "named", "sent"),
    [
        ((), {}, None),
        ((5,), {}, 5),
        (("x",), {}, "x"),
        ((None,), {}, [None]),
        (([1],), {}, [[1]]),
        (({"a": 1},), {}, [{"a": 1}]),
        ((1, 2), {}, [1, 2]),
        ((), {"x": 1}, {"x": 1}),
    ],
)
def test_a_tell_is_put_into_the_outbox_as_it_will_be_sent(arguments: tuple[Any, ...], named: dict[str, Any], sent: Any) -> None:
    ctx = context()
    ctx.tell("other/2", "add", *arguments, **named)
    assert ctx.outbox == [("tell", "other/2", "add", sent)]


def test_what_was_told_cannot_be_changed_afterwards() -> None:
    ctx = context()
    items = [1]
    by_name = {"a": [1]}
    ctx.tell("other/2", "put", items)
    ctx.tell("other/2", "put", x=by_name)
    ctx.timer(1, "put", items)
    items.append(2)
    by_name["a"].append(2)
    assert [entry[3] for entry in ctx.outbox] == [[[1]], {"x": {"a": [1]}}, [[1]]]


@pytest.mark.parametrize("method", ["half \udc80 a character", None, 5, ["add"]])
def test_what_has_no_name_is_asked_of_nobody(method: Any) -> None:
    ctx = context()
    for send in (
        lambda: ctx.tell("other/2", method, 1),
        lambda: ctx.timer(1, method),
        lambda: ctx.ask("other/2", method),
    ):
        with pytest.raises(BadArgument, match="named by text"):
            send()
    assert ctx.outbox == []


def test_the_messages_of_a_task_have_a_limit_in_bytes() -> None:
    ctx = context()
    text = "x" * (OUTBOX_BYTES // 4)
    for _ in range(3):
        ctx.tell("other/2", "put", text)
    with pytest.raises(OutboxFull, match="8,388,608 bytes"):
        ctx.tell("other/2", "put", text)
    assert len(ctx.outbox) == 3


async def test_awaiting_is_allowed_and_not_needed() -> None:
    ctx = context()
    assert await ctx.tell("other/2", "add") is None  # type: ignore[func-returns-value]
    assert await ctx.spawn("other", "x") is None  # type: ignore[func-returns-value]
    assert await ctx.timer(1.5, "wake") is None  # type: ignore[func-returns-value]
    assert [entry[0] for entry in ctx.outbox] == ["tell", "spawn", "timer"]


def test_spawns_and_timers_are_kept_in_order_with_tells() -> None:
    ctx = context()
    ctx.spawn("other", 5)
    ctx.timer(0, "wake", 1)
    ctx.tell("other/5", "add")
    assert ctx.outbox == [("spawn", "other", 5), ("timer", 0.0, "wake", 1), ("tell", "other/5", "add", None)]


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.tell("No Where", "add"),
        lambda c: c.tell("a/b/c", "add"),
        lambda c: c.spawn("Bad", "x"),
        lambda c: c.spawn("other", "no/key"),
        lambda c: c.spawn("other", None),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_at_once(act: Any) -> None:
    ctx = context()
    with pytest.raises(BadAddress):
        act(ctx)
    assert ctx.outbox == []


@pytest.mark.parametrize("after_s", [-1, -1e-9, math.nan, math.inf, 366 * 86_400 + 1])
def test_a_timer_out_of_range_is_refused(after_s: float) -> None:
    with pytest.raises(BadArgument, match="366 days"):
        context().timer(after_s, "wake")


@pytest.mark.parametrize("argument", [{1, 2}, b"x", math.nan, {1: 2}, 2**64])
def test_an_argument_that_cannot_be_sent_fails_the_task_that_sends_it(argument: Any) -> None:
    """A task that succeeded has sent what it said; the mistake is told where it was made."""
    for act in (lambda c: c.tell("other/1", "put", argument), lambda c: c.timer(1, "put", argument)):
        ctx = context()
        with pytest.raises(BadArgument):
            act(ctx)


def test_one_task_sends_a_bounded_number_of_messages() -> None:
    ctx = context()
    for _ in range(OUTBOX_MESSAGES):
        ctx.tell("other/1", "add")
    for act in (lambda: ctx.tell("other/1", "add"), lambda: ctx.spawn("other", "x"), lambda: ctx.timer(1, "add")):
        with pytest.raises(OutboxFull, match="10,000"):
            act()
    assert len(ctx.outbox) == OUTBOX_MESSAGES


async def test_a_question_leaves_at_once() -> None:
    office = Office()
    ctx = made(office, "7.3")
    answer = ctx.ask("other/2", "get", 1)
    (address, method, arguments, future), *_ = office.asked
    assert (address, method, arguments) == ("other/2", "get", (1,))
    assert ctx.outbox == []
    asyncio.get_running_loop().call_soon(future.set_result, 9)
    assert await answer == 9


def test_arguments_by_place_and_by_name_do_not_mix_in_silence() -> None:
    ctx = context()
    with pytest.raises((BadArgument, TypeError)):
        ctx.tell("other/2", "add", 5, x=1)


def test_a_line_for_the_log_carries_its_agent_and_task() -> None:
    office = Office()
    made(office, "7.3").log("hello")
    assert office.logged == [("counter/1", "7.3", "hello")]


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan"), float("inf"), "0.5", True, None])
def test_progress_is_a_number_from_0_to_1(wrong: Any) -> None:
    office = Office()
    job = Job(7, None, [1], iter(()), Answers())
    ctx = made(office, "7.3", task=Waiting(job, 3, None, None))
    with pytest.raises(BadArgument, match="progress is a number from 0 to 1"):
        ctx.progress(wrong)
    for right in (0, 0.4, 0.2, 1):
        ctx.progress(right)
    assert office.heard == [(7, 3, 0.0), (7, 3, 0.4), (7, 3, 0.2), (7, 3, 1.0)]
    made(office, "7.3").progress(0.5)  # nobody sent it
    assert len(office.heard) == 4


# -- steps and room ----------------------------------------------------------------------------------------------------


async def test_a_step_has_an_id_before_it_and_in_it() -> None:
    ctx = context()
    seen = [ctx.step_id]
    assert await ctx.step("one", lambda x: seen.append(ctx.step_id) or [x], 5) == [5]
    seen.append(ctx.step_id)
    assert seen == ["7.3/0", "7.3/0", "7.3/1"]


def test_a_step_is_for_methods_that_can_wait() -> None:
    ctx = made(Office(), "7.3", can_wait=False)
    with pytest.raises(BadArgument, match="async"):
        ctx.step("one", lambda: 1)


async def test_where_state_is_kept_a_question_is_a_step_of_its_task() -> None:
    desk, office = Desk(), Office()
    ctx = made(office, "0011-7", desk.ledger)
    ctx.ask("other/2", "get", 1)
    ctx.ask("other/2", "get", 1)
    assert [question.name for question in office.questions if question] == ["0011-7.0", "0011-7.1"]
    assert ctx.step_id == "0011-7/2"
    desk.ledger.recall.stepped("0011-7", 0, ["other/2", "get"], None, 9)
    again = made(office, "0011-7", desk.ledger)
    assert await again.ask("other/2", "get", 1) == 9
    assert len(office.asked) == 2
    desk.ledger.recall.stepped("0011-7", 1, "x", None, 9)
    with pytest.raises(StepMismatch):
        again.end()
    other = made(office, "0011-7", desk.ledger)
    with pytest.raises(StepMismatch):
        other.end()  # it has taken none of them
    desk.close()


def test_where_nothing_is_kept_a_question_is_none() -> None:
    office = Office()

    async def ask() -> None:
        made(office, "7.3").ask("other/2", "get", 1)

    asyncio.run(ask())
    assert office.questions == [None]


def test_an_agent_with_much_on_its_way_has_less_room() -> None:
    office = Office()
    office.free = 3
    ctx = made(office, "7.3")
    for _ in range(3):
        ctx.tell("other/1", "add")
    with pytest.raises(OutboxFull, match="room for 3") as caught:
        ctx.spawn("other", "x")
    assert caught.value.retry_after_s == 1.0


# -- checkpoints -------------------------------------------------------------------------------------------------------


async def test_a_checkpoint_is_read_back_as_it_was_made_and_goes_on_behind_its_own() -> None:
    desk, office = Desk(), Office()
    office.logbook = kept_in(desk.ledger)

    async def ended(taken: Any) -> Any:
        task = asyncio.ensure_future(taken)
        for _ in range(5):
            await asyncio.sleep(0)
            desk.settle()
        return await task

    first = made(office, "0011-7", desk.ledger)
    assert first.last_checkpoint() is None
    assert await ended(first.step("one", lambda: 1)) == 1
    assert await ended(first.checkpoint(progress=0.5, partial_result=[1], context={"a": 1}, metadata="m")) == 1
    assert await ended(first.step("two", lambda: 2)) == 2
    other = made(office, "0011-8", desk.ledger)
    seen = other.last_checkpoint("progress")
    assert seen is not None
    assert seen[:2] == (1, "progress")
    assert seen[3:] == ("0011-7", 0.5, [1], {"a": 1}, "m", {"total": 0})
    assert other.step_id == "0011-8/0"
    again = made(office, "0011-7", desk.ledger)
    assert again.last_checkpoint() == seen
    assert again.step_id == "0011-7/2"
    assert await ended(again.step("two", lambda: pytest.fail("it was done"))) == 2
    again.end()
    desk.close()


async def test_the_first_checkpoint_that_is_read_says_where_a_task_goes_on() -> None:
    desk, office = Desk(), Office()
    office.logbook = kept_in(desk.ledger)
    for at, kind in enumerate(("progress", "user")):
        office.logbook.write(COUNTER, COUNTER.make(1), kind, {}, task="0011-7", ordinal=at)
        desk.ledger.recall.stepped("0011-7", at, [kind], None, at + 1)
    ctx = made(office, "0011-7", desk.ledger)
    found = map(ctx.last_checkpoint, ("milestone", "progress", "user", None))
    assert [read and read.revision for read in found] == [None, 1, 2, 2]
    assert ctx.step_id == "0011-7/1"
    desk.close()


async def test_the_last_checkpoint_is_read_before_the_first_step() -> None:
    ctx = context()
    await ctx.step("one", lambda: 1)
    with pytest.raises(BadArgument, match="before the first step"):
        ctx.last_checkpoint()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"kind": "pre_failover"}, "progress, milestone, user, got 'pre_failover'"),
        ({"kind": "other"}, "got 'other'"),
        ({"kind": None}, "got None"),
        *(({"progress": progress}, "a number from 0 to 1") for progress in (-0.1, 1.01, math.nan, "0.5", True)),
    ],
)
def test_a_checkpoint_that_cannot_be_meant_is_refused_at_once(facts: dict[str, Any], said: str) -> None:
    ctx = context()
    with pytest.raises(BadArgument, match=said):
        ctx.checkpoint(**facts)
    assert ctx.step_id == "7.3/0"


def test_a_checkpoint_is_for_methods_that_can_wait() -> None:
    with pytest.raises(BadArgument, match="async"):
        made(Office(), "7.3", can_wait=False).checkpoint()


async def test_a_task_that_is_over_takes_no_step_whether_it_took_one_before_or_not() -> None:
    for has_begun in (False, True):
        ctx = context()
        if has_begun:
            await ctx.checkpoint()
        ctx.close()
        with pytest.raises(TaskCancelled):
            await ctx.checkpoint()
