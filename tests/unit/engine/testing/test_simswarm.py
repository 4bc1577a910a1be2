"""Agents in one process: the engine's rules hold, time passes as the test says, what dies comes back with its state."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import TaskEnded, TaskOpen, WorkerDied
from engine.options import Options
from engine.testing import Logged, SimSwarm, Spawned, Stuck, Timer, Told
from pools.agent import Agent
from pools.context import Context
from pools.errors import (
    BadArgument,
    Deadlock,
    MailboxFull,
    OutboxFull,
    TaskExpired,
    TaskFailed,
    TooManyAgents,
    UnknownAgent,
    UnknownKind,
)
from pools.log import Log
from pools.method import task
from pools.table import Table
from tests.support.agents import Asker, Book, Payer, Tally, Waiter

CALLS: list[str] = []


def outside(what: str) -> str:
    CALLS.append(what)
    return what.upper()


class Diary(Agent):
    """Has state of every sort, and steps."""

    pages: Log[str]
    index: Table[int]
    count: int = 0

    async def write(self, text: str, ctx: Context) -> list[Any]:
        first = await ctx.step("first", outside, f"{text} 1")
        self.pages.append(first)
        second = await ctx.step("second", outside, f"{text} 2")
        self.index[text] = self.count
        self.count += 1
        return [first, second, ctx.task_id]

    def spoil(self, ctx: Context) -> None:
        self.count = 99
        self.pages.append("x")
        ctx.tell("tally/0", "add", 1)
        ctx.log("spoilt")
        raise ValueError("as told")

    async def long(self, parts: int, ctx: Context) -> int:
        last = ctx.last_checkpoint()
        begin = last.partial_result if last is not None and last.task_id == ctx.task_id else 0
        for at in range(begin, parts):
            await ctx.step(f"part {at}", outside, str(at))
            await ctx.checkpoint(progress=(at + 1) / parts, partial_result=at + 1)
        return parts - begin

    def read(self) -> list[Any]:
        return [list(self.pages), dict(self.index), self.count]


class Clockwork(Agent):
    """Reads the time, draws by chance, waits in threads."""

    rings: list[float]

    def start(self, every_s: float, ctx: Context) -> float:
        ctx.timer(every_s, "ring", every_s)
        return time.time()

    def ring(self, every_s: float, ctx: Context) -> None:
        self.rings.append(time.monotonic())
        ctx.timer(every_s, "ring", every_s)

    def draw(self) -> float:
        return random.random()

    async def thread(self) -> str:
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    def echo(self, ctx: Context) -> None:
        ctx.tell(ctx.agent_id, "echo")

    async def spin(self) -> None:
        while True:
            CALLS.append("spin")
            await asyncio.sleep(0.001)

    @task(max_run_s=5)
    def apart(self, x: float, ctx: Context) -> float:
        self.rings.append(x)
        ctx.timer(1, "apart", 0.5)
        return x

    def fail_once(self) -> int:
        if not CALLS:
            CALLS.append("failed")
            raise ConnectionError("as told")
        return 7


class Made(Agent):
    """Comes into being at its first use."""

    is_made_on_use = True
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


@pytest.fixture(params=["sync", "memory"])
def each(request: pytest.FixtureRequest) -> Iterator[SimSwarm]:
    with SimSwarm(durability=request.param) as made:
        yield made


@pytest.fixture
def swarm() -> Iterator[SimSwarm]:
    with SimSwarm() as made:
        yield made


# -- the engine's own rules --------------------------------------------------------------------------------------------


async def test_tasks_run_in_order_and_change_their_agent(each: SimSwarm) -> None:
    assert await each.spawn(Tally, 3) == 3
    assert await each.spawn("tally", keys=["a"]) == 1
    assert await asyncio.gather(*(each.ask("tally/1", "add", 1) for _ in range(5))) == [1, 2, 3, 4, 5]
    assert each.ask("tally/a", "add", 7).result() == 7
    assert each.state("tally/1") == {"total": 5}
    assert await each.ask("tally", "get") in (0, 5, 7)
    assert await each.ask("tally/*", "get", reduce="sum") == 12
    assert each.tasks["done"] == each.tasks["accepted"] == 11


async def test_a_task_that_fails_changes_nothing_and_its_messages_are_dropped(each: SimSwarm) -> None:
    await each.spawn(Diary, 1)
    await each.spawn(Tally, 1)
    with pytest.raises(TaskFailed, match="ValueError: as told"):
        await each.ask("diary/0", "spoil")
    assert (each.state("diary/0"), each.state("tally/0")) == ({"pages": [], "index": {}, "count": 0}, {"total": 0})
    assert list(each.told) == []
    assert [line.text for line in each.logged] == ["spoilt"]


async def test_arguments_agents_and_limits_are_checked_as_ever() -> None:
    with SimSwarm(Tally, Waiter, Asker, agents_limit=10, mailbox=2) as swarm:
        with pytest.raises(TooManyAgents):
            await swarm.spawn(Tally, 11)
        await swarm.spawn(Tally, 1)
        await swarm.spawn(Waiter, 1)
        await swarm.spawn(Asker, 1)
        with pytest.raises(BadArgument, match="x"):
            await swarm.ask("tally/0", "add", "text")
        for address in ("tally/1", "nobody/1"):
            with pytest.raises((UnknownAgent, UnknownKind), match="no agent"):
                await swarm.ask(address, "get")
        with pytest.raises(UnknownAgent):
            swarm.state("tally/9")
        with pytest.raises(OutboxFull):
            await swarm.ask("asker/0", "flood", "tally/0")
        asked = [swarm.ask("waiter/0", "wait", 5) for _ in range(4)]
        with pytest.raises(MailboxFull):
            await asked[3]
        with pytest.raises(ValueError, match="one of count"):
            await swarm.spawn(Tally, 1, add=1)
        await swarm.advance(15)
        assert [await one for one in asked[:3]] == [1, 2, 3]


async def test_what_agents_send_arrives_and_is_seen(each: SimSwarm) -> None:
    await each.spawn(Asker, 2)
    await each.spawn(Tally, 1)
    await each.ask("asker/0", "tell", "tally/0", 3, 2)
    await each.ask("asker/0", "make", "tally", "new")
    await each.ask("asker/1", "later", 10, 4)
    await each.ask("asker/1", "say", "hello")
    assert await each.ask("asker/0", "ask", "asker/1", "hear", [1]) == 1
    await each.advance(0.1)
    assert list(each.told) == [Told("asker/0", "tally/0", "add", 3)] * 2 + [Told("asker/0", "tally/new", "add", 5)]
    assert list(each.spawned) == [Spawned("asker/0", "tally/new")]
    assert list(each.timers) == [Timer("asker/1", 10.0, "hear", 4)]
    assert [(line.agent, line.text) for line in each.logged] == [("asker/1", "hello")]
    assert isinstance(each.logged[0], Logged)
    assert (each.state("tally/0")["total"], each.state("tally/new")["total"]) == (6, 5)


async def test_agents_that_are_made_on_use_are_made() -> None:
    with SimSwarm(Made) as swarm:
        assert await swarm.ask("made/x", "add", 2) == 2
        await swarm.kill()
        assert await swarm.ask("made/x", "add", 2) == 4


async def test_what_would_run_in_a_process_of_its_own_runs_here(each: SimSwarm) -> None:
    await each.spawn(Clockwork, 1)
    assert await each.ask("clockwork/0", "apart", 2.5) == 2.5
    assert each.state("clockwork/0") == {"rings": [2.5]}
    await each.advance(1)
    assert each.state("clockwork/0") == {"rings": [2.5, 0.5]}


# -- time --------------------------------------------------------------------------------------------------------------


async def test_no_time_passes_but_what_the_test_lets_pass(each: SimSwarm) -> None:
    await each.spawn(Waiter, 2)
    began_s, real_s = each.now_s, time.monotonic()
    waiting = [each.ask("waiter/0", "wait", 3600), each.ask("waiter/1", "wait", 3601)]
    await each.advance(3600 - 0.001)
    assert not waiting[0].is_done
    await each.advance(0.001)
    assert waiting[0].is_done
    assert not waiting[1].is_done
    await each.advance(10)
    assert [await one for one in waiting] == [1, 1]
    assert each.now_s == pytest.approx(began_s + 3610)
    assert time.monotonic() - real_s < 30


async def test_who_waits_for_what_takes_time_is_told_so(swarm: SimSwarm) -> None:
    await swarm.spawn(Waiter, 1)
    asked = swarm.ask("waiter/0", "wait", 60)
    with pytest.raises(Stuck, match=r"waiter/0 wait has not ended; .* swarm.advance"):
        await asked
    await swarm.advance(60)
    assert await asked == 1
    with pytest.raises(Stuck):
        await swarm.ask("waiter/0", "forever")
    with pytest.raises(ValueError, match="forwards"):
        await swarm.advance(-1)


async def test_timers_ring_at_their_time_in_their_order_and_agents_read_it(each: SimSwarm) -> None:
    await each.spawn(Clockwork, 2)
    before = time.time()
    first = await each.ask("clockwork/0", "start", 10)
    await each.ask("clockwork/1", "start", 25)
    await each.advance(61)
    rings = [each.state(f"clockwork/{key}")["rings"] for key in (0, 1)]
    assert [len(one) for one in rings] == [6, 2]
    assert [b - a for a, b in zip(rings[0], rings[0][1:], strict=False)] == pytest.approx([10.0] * 5, abs=0.01)
    assert first == pytest.approx(1_893_456_000.0, abs=2)
    assert before <= time.time() < before + 60


async def test_a_wait_has_its_limit_in_that_time(swarm: SimSwarm) -> None:
    await swarm.spawn(Waiter, 1)
    asked = swarm.ask("waiter/0", "wait", 60, timeout_s=30)
    await swarm.advance(29)
    assert not asked.is_done
    await swarm.advance(1)
    with pytest.raises(TaskExpired):
        await asked
    assert swarm.state("waiter/0") == {"count": 0}


async def test_accepted_tasks_have_their_delays_and_tries(swarm: SimSwarm) -> None:
    await swarm.spawn(Clockwork, 1)
    await swarm.spawn(Waiter, 1)
    late, again, slow = await swarm.submit(
        [
            {"agent": "clockwork/0", "method": "draw", "delay_s": 3600},
            {"agent": "clockwork/0", "method": "fail_once", "retries": 2, "backoff_s": 10},
            {"agent": "waiter/0", "method": "wait", "args": [100], "timeout_s": 30},
        ]
    )
    assert (swarm.task(late)["state"], swarm.task(again)["attempts"]) == ("waiting", 1)
    with pytest.raises(TaskOpen):
        await swarm.result(late)
    await swarm.advance(60)
    assert await swarm.result(again) == 7
    assert swarm.task(again)["attempts"] == 2
    assert swarm.task(slow)["state"] in ("failed", "expired")
    await swarm.advance(3540)
    assert 0 <= await swarm.result(late) < 1


async def test_accepted_tasks_have_the_options_of_all_and_are_taken_back_and_tried_again(swarm: SimSwarm) -> None:
    await swarm.spawn(Clockwork, 1)
    await swarm.spawn(Waiter, 1)
    options = Options(priority="high", retries=1, backoff_s=10, tags="nightly")
    once = {"id": "once", "agent": "clockwork/0", "method": "fail_once"}
    await swarm.submit([once, {**once, "id": "plain", "priority": "normal", "retries": 0}], options=options)
    assert swarm.task("once")["options"] == {"priority": "high", "retries": 1, "backoff_s": 10.0, "tags": ("nightly",)}
    await swarm.advance(20)
    assert await swarm.result("once") == 7
    (held,) = await swarm.submit([("waiter/0", "wait", 100)])
    assert (await swarm.cancel(held))["state"] == "cancelled"
    with pytest.raises(TaskEnded):
        await swarm.cancel("once")
    (again,) = await swarm.requeue([held])
    assert again["id"] == held
    await swarm.advance(200)
    assert swarm.task(again["requeued_as"])["state"] == "done"


async def test_agents_that_keep_each_other_busy_are_found(swarm: SimSwarm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.testing.simswarm.TURNS", 300)
    await swarm.spawn(Clockwork, 1)
    with pytest.raises(Stuck, match="busy"):
        await swarm.ask("clockwork/0", "echo")


async def test_a_call_in_a_thread_is_waited_for(swarm: SimSwarm) -> None:
    await swarm.spawn(Clockwork, 1)
    assert (await swarm.ask("clockwork/0", "thread")).startswith("asyncio")


# -- deaths ------------------------------------------------------------------------------------------------------------


async def test_state_comes_back_from_its_checkpoint(swarm: SimSwarm) -> None:
    await swarm.spawn(Diary, 2)
    await swarm.spawn(Book, 1)
    await swarm.ask("diary/1", "write", "a")
    await swarm.ask("book/0", "write", 5)
    before = swarm.state("diary/1")
    assert before == {"pages": ["A 1"], "index": {"a": 0}, "count": 1}
    for _ in range(3):
        await swarm.kill()
        assert swarm.state("diary/1") == before
        assert swarm.state("book/0")["pages"] == [5]
    await swarm.ask("diary/1", "write", "b")
    await swarm.kill()
    assert await swarm.ask("diary/1", "read") == [["A 1", "B 1"], {"a": 0, "b": 1}, 2]


async def test_with_memory_it_is_gone_and_who_waits_is_told() -> None:
    with SimSwarm(Tally, Waiter, durability="memory") as swarm:
        await swarm.spawn(Tally, 1)
        await swarm.spawn(Waiter, 1)
        await swarm.ask("tally/0", "add", 5)
        asked = swarm.ask("waiter/0", "wait", 5)
        swarm.settle()
        await swarm.kill()
        with pytest.raises(WorkerDied):
            await asked
        assert await swarm.ask("tally/0", "get") == 0


async def test_a_task_that_was_under_way_is_run_again_and_nothing_of_the_dead_runs_on(swarm: SimSwarm) -> None:
    await swarm.spawn(Waiter, 1)
    asked = swarm.ask("waiter/0", "wait", 10)
    await swarm.advance(9)
    await swarm.kill()
    await swarm.advance(9)
    assert not asked.is_done
    await swarm.advance(2)
    assert await asked == 1
    assert swarm.state("waiter/0") == {"count": 1}


async def test_nothing_of_a_dead_worker_runs_on_until_there_is_another() -> None:
    with SimSwarm(Clockwork, durability="memory") as swarm:
        await swarm.spawn(Clockwork, 1)
        asked = swarm.ask("clockwork/0", "spin")
        await swarm.advance(0.05)
        before = len(CALLS)
        assert before > 10
        await swarm.kill()
        assert swarm.now_s > 0.06
        await swarm.advance(5)
        assert len(CALLS) == before
        with pytest.raises(WorkerDied):
            await asked


async def test_a_worker_that_dies_between_a_step_and_the_end_runs_the_step_once(swarm: SimSwarm) -> None:
    await swarm.spawn(Diary, 1)
    swarm.kill_after_step("diary/0", "first")
    first, second, _ = await swarm.ask("diary/0", "write", "a")
    assert (first, second) == ("A 1", "A 2")
    assert CALLS == ["a 1", "a 2"]
    assert swarm.planned == 0
    assert swarm.state("diary/0") == {"pages": ["A 1"], "index": {"a": 0}, "count": 1}
    assert sum(event.name == "worker.died" for event in swarm.events) == 1


async def test_a_long_task_goes_on_from_what_it_put_on_record(swarm: SimSwarm) -> None:
    await swarm.spawn(Diary, 1)
    swarm.kill_after_step("diary/0", "part 3")
    assert await swarm.ask("diary/0", "long", 6) == 3
    assert CALLS == ["0", "1", "2", "3", "4", "5"]


async def test_a_step_fails_as_planned_once(swarm: SimSwarm) -> None:
    await swarm.spawn(Diary, 1)
    swarm.fail_step("diary/0", "second", TimeoutError("planned"))
    with pytest.raises(TaskFailed, match="TimeoutError: planned"):
        await swarm.ask("diary/0", "write", "a")
    assert CALLS == ["a 1"]
    assert swarm.state("diary/0")["count"] == 0
    await swarm.ask("diary/0", "write", "a")
    assert CALLS == ["a 1", "a 1", "a 2"]
    swarm.fail_step("diary/0")
    with pytest.raises(TaskFailed, match="as planned"):
        await swarm.ask("diary/0", "write", "b")


async def test_messages_and_timers_arrive_once_whatever_dies(swarm: SimSwarm) -> None:
    await swarm.spawn(Payer, 5)
    await swarm.spawn(Asker, 1)
    await swarm.spawn(Tally, 1)
    await swarm.ask("asker/0", "later", 30, 7)
    for round_ in range(6):
        asked = [swarm.ask(f"payer/{key}", "pay", "tally/0") for key in range(5)]
        if round_ % 2:
            await swarm.kill()
        for one in asked:
            await one
    await swarm.advance(20)
    await swarm.kill()
    await swarm.advance(15)
    assert swarm.state("tally/0") == {"total": 30}
    assert swarm.state("asker/0") == {"heard": 7}


# -- seeds and ends ----------------------------------------------------------------------------------------------------


async def history(seed: int) -> list[Any]:
    with SimSwarm(Clockwork, Diary, seed=seed) as swarm:
        await swarm.spawn(Clockwork, 3)
        await swarm.spawn(Diary, 1)
        drawn = [await swarm.ask(f"clockwork/{key}", "draw") for key in range(3)]
        swarm.kill_after_step("diary/0")
        return [*drawn, await swarm.ask("diary/0", "write", "x"), list(swarm.events), swarm.now_s]


async def test_one_seed_is_one_history() -> None:
    assert await history(5) == await history(5)
    assert (await history(5))[:3] != (await history(6))[:3]


async def test_what_is_left_behind_is_nothing() -> None:
    before, state = set(threading.enumerate()), random.getstate()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swarm = SimSwarm(Waiter)
        await swarm.spawn(Waiter, 3)
        swarm.ask("waiter/0", "forever")
        swarm.ask("waiter/1", "wait", 5)
        await swarm.kill()
        swarm.close()
        swarm.close()
    assert set(threading.enumerate()) == before
    assert random.getstate() == state
    with pytest.raises(Stuck, match="closed"):
        swarm.ask("waiter/0", "seen")


def test_it_needs_no_loop_and_no_await() -> None:
    with SimSwarm(Made) as swarm:
        assert swarm.ask("made/a", "add", 3).result() == 3


def test_a_name_stands_for_one_class_and_what_is_kept_for_two_words() -> None:
    class Other(Agent, kind="made"):
        def ping(self) -> None: ...

    with SimSwarm(Made) as swarm, pytest.raises(ValueError, match="Made already"):
        swarm._add(Other)
    with pytest.raises(ValueError, match="sync or memory"):
        SimSwarm(durability="os")


async def test_agents_that_ask_each_other_in_a_circle_are_found(swarm: SimSwarm) -> None:
    await swarm.spawn(Asker, 2)
    asked = swarm.ask("asker/0", "ask", "asker/1", "ask", ["asker/0", "hear", [1]])
    with pytest.raises(Deadlock, match="asker/1 -> asker/0"):
        await asked
