"""A task in a process of its own: what it did is its agent's, what it broke is nobody's. With real forks."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from pools import isolation
from pools.agent import Agent
from pools.context import Context
from pools.errors import BadArgument, BadReply, PoolError, PoolUnavailable, TaskFailed, TaskHung, TaskKilled, UnknownAgent
from pools.isolation import AT_ONCE, Case, Isolation
from pools.job import Job, Waiting
from pools.kind import Kind
from pools.lane import Named
from pools.log import Log
from pools.method import task
from tests.support.commands import ROOT
from tests.support.processes import children, descriptors, ended_within, is_alive, until
from tests.support.rigs import Answers, Office

HOARD: list[Any] = []


class Stranger(BaseException):
    """Gets past `except Exception`."""


class Light(Agent):
    total: int = 0
    share: float = 0.5

    def add(self, x: int) -> int:
        self.total += x
        self.share /= 2
        return self.total

    def where(self) -> int:
        return os.getpid()

    def open_files(self) -> list[str]:
        found = []
        for entry in Path("/proc/self/fd").iterdir():
            if entry.exists() and not entry.readlink().name.isdigit() and int(entry.name) > 2:
                found.append(str(entry.readlink()))
        return found

    def raise_it(self, name: str) -> None:
        self.total = 1_000
        raise {"value": ValueError, "exit": SystemExit, "stranger": Stranger, "stop": KeyboardInterrupt}[name]("as told")

    def unsendable(self) -> object:
        self.total = 1_000
        return object()

    def die(self, status: int) -> None:
        self.total = 1_000
        os._exit(status)

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def crash(self) -> None:
        ctypes.string_at(0)

    @task(max_run_s=0.3)
    def spin(self) -> None:
        while True:
            pass

    @task(max_run_s=0.3)
    def stall(self) -> None:
        time.sleep(60)

    @task(max_run_s=0.3)
    def stubborn(self) -> None:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            with suppress(BaseException):
                time.sleep(60)

    @task(max_run_s=30)
    def long(self, seconds: float) -> float:
        until_s = time.process_time() + seconds
        while time.process_time() < until_s:
            pass
        return seconds

    @task(max_run_s=30)
    def grow(self) -> None:
        while True:
            HOARD.append(bytearray(b"x" * 1_000_000))
            time.sleep(0.001)

    def leave_a_child(self, file: str) -> None:
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        Path(file).write_text(str(child))
        os._exit(3)

    def parent(self, pid: int) -> bool:
        """Whether this is a child of the worker, in which nothing of the worker's loop runs."""
        return os.getppid() == pid


class Heavy(Agent):
    words: list[Any]
    tree: dict[str, Any]
    raw: bytes = b"raw"
    maybe: int | None = 3
    log: Log[Any]

    def change(self, x: int) -> list[Any]:
        self.words.append([x])
        self.tree.setdefault("deep", {})["x"] = self.words
        self.raw = bytes(range(256))
        self.maybe = None
        self.log.append({"x": x})
        self.log.append(x)
        return self.words

    def big(self, size: int) -> str:
        self.words.append("s" * 100_000)
        return "v" * size

    def too_big(self) -> None:
        self.words.append("s" * 600_000)

    def show(self) -> list[Any]:
        return [self.words, self.tree, self.raw.hex(), self.maybe, list(self.log)]


class Speaker(Agent):
    @task(max_run_s=30)
    def slowly(self, ctx: Context) -> None:
        ctx.progress(0.25)
        time.sleep(20)

    async def slowly_waiting(self, ctx: Context) -> None:
        ctx.progress(0.25)
        await asyncio.sleep(20)

    heard: list[Any]

    def tell(self, ctx: Context, times: int = 2) -> str:
        for number in range(times):
            ctx.tell("light/2", "add", number)
        ctx.tell("light", "add", x=3)
        ctx.spawn("light", "new")
        ctx.timer(1.5, "tell")
        return ctx.task_id

    def tell_and_fail(self, ctx: Context) -> None:
        ctx.tell("light/2", "add", 1)
        raise ValueError("as told")

    async def ask(self, ctx: Context) -> list[Any]:
        self.heard.append(await ctx.ask("light/2", "add", 1))
        self.heard.append(len(await ctx.ask("light/3", "pair", x=1, y=[2])))
        self.heard += await asyncio.gather(*(ctx.ask("light/4", "add", number) for number in range(3)))
        return self.heard

    async def ask_badly(self, ctx: Context) -> list[str]:
        said = []
        for bad in (float("nan"), {"x": float("inf")}, object(), 2**80, "half \udc80"):
            for arguments, named in (((bad,), {}), ((), {"x": bad})):
                try:
                    await ctx.ask("light/2", "add", *arguments, **named)
                except BadArgument as error:
                    said.append(str(error))
        return said

    async def ask_wrongly(self, ctx: Context) -> str:
        try:
            await ctx.ask("light/9", "add", 1)
        except UnknownAgent as error:
            return f"refused: {error}"
        return "taken"

    @task(max_run_s=0.2)
    async def patient(self, ctx: Context) -> int:
        """Waits for longer than it may compute."""
        return int(await ctx.ask("light/2", "add", 1))

    @task(max_run_s=0.3)
    async def hidden(self) -> None:
        """Hangs in a task of its own."""
        await asyncio.gather(self._spin(), asyncio.sleep(60))

    async def _spin(self) -> None:
        while True:
            pass

    async def forever(self) -> None:
        await asyncio.get_running_loop().create_future()

    def say(self, ctx: Context) -> None:
        ctx.log("hello from the fork")


class Hooked(Agent):
    calls: list[str]

    def run(self, method: str) -> None:
        self.calls.append(f"run {method}")

    def checkpoint(self, method: str, result: Any) -> None:
        self.calls.append(f"checkpoint {result}")

    def do(self) -> int:
        return 7


WAITING = Waiting(Job(7, None, [1], iter(()), Answers()), 3, None, None)


class Setup:
    """An isolation with agents to run alone."""

    def __init__(self) -> None:
        self.office = Office()
        self.found: list[tuple[str, ...]] = []
        self.isolation = Isolation(self.office, lambda *facts: self.found.append(facts))
        self.kinds = {made.kind: Kind(made) for made in (Light, Heavy, Speaker, Hooked)}

    def agent(self, kind: str = "light", key: int = 1) -> Any:
        return self.kinds[kind].make(key)

    def case(self, agent: Agent, method: str, argument: Any = None) -> Case:
        kind = self.kinds[type(agent).kind]
        asked = kind.methods[method]
        more: Any = {"can_wait": asked.is_async, "task": WAITING}
        context = Context(self.office, kind, agent, "5.7", **more) if asked.wants_context else None
        return Case(kind, agent, asked, argument, "5.7", context)

    async def run(self, agent: Agent, method: str, argument: Any = None) -> tuple[Any, list[Any]]:
        """What came of a task, which leaves nothing behind."""
        before, processes = descriptors(), set(children())
        try:
            async with asyncio.timeout(20):
                return await self.isolation.run(self.case(agent, method, argument))
        finally:
            assert {*children()} <= processes
            assert descriptors() <= before


# -- what it did -------------------------------------------------------------------------------------------------------


async def test_a_task_runs_in_another_process_and_its_agent_is_as_it_left_it() -> None:
    setup = Setup()
    agent = setup.agent()
    assert (await setup.run(agent, "where"))[0] not in (os.getpid(), 0)
    assert await setup.run(agent, "parent", os.getpid()) == (True, [])
    assert await setup.run(agent, "add", 2) == (2, [])
    assert await setup.run(agent, "add", 3) == (5, [])
    assert (agent.total, agent.share) == (5, 0.125)
    assert setup.found == []


async def test_every_field_comes_back_and_of_a_log_what_was_appended() -> None:
    setup = Setup()
    alone, direct = setup.agent("heavy"), setup.agent("heavy")
    for agent in (alone, direct):
        agent.log.extend(["before", {"a": 1}])
        agent.change(1)
    size_bytes = alone.log.size_bytes
    for x in (2, 3):
        value, _ = await setup.run(alone, "change", x)
        assert value == direct.change(x)
    assert alone.show() == direct.show()
    assert alone.log.size_bytes == direct.log.size_bytes > size_bytes
    kind = setup.kinds["heavy"]
    assert kind.save(alone) == kind.save(direct)


async def test_messages_leave_with_the_state_and_not_without() -> None:
    setup = Setup()
    agent = setup.agent("speaker")
    value, outbox = await setup.run(agent, "tell")
    assert value == "5.7"
    assert outbox == [
        ("tell", "light/2", "add", 0),
        ("tell", "light/2", "add", 1),
        ("tell", "light", "add", {"x": 3}),
        ("spawn", "light", "new"),
        ("timer", 1.5, "tell", None),
    ]
    with pytest.raises(TaskFailed, match="as told"):
        await setup.run(agent, "tell_and_fail")


@pytest.mark.parametrize("method", ["slowly", "slowly_waiting"])
async def test_how_far_a_task_is_reaches_its_worker_while_it_runs(method: str) -> None:
    setup = Setup()
    running = asyncio.ensure_future(setup.run(setup.agent("speaker"), method))
    await until(lambda: setup.office.heard)
    assert not running.done()
    assert setup.office.heard == [(7, 3, 0.25)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_agents_own_hooks_are_called_once_in_the_fork() -> None:
    setup = Setup()
    agent = setup.agent("hooked")
    assert await setup.run(agent, "do") == (7, [])
    assert agent.calls == ["run do", "checkpoint 7"]


@pytest.mark.parametrize("size", [10, 1_000_000, 4_000_000])
async def test_a_large_value_comes_back_whole(size: int) -> None:
    setup = Setup()
    agent = setup.agent("heavy")
    value, _ = await setup.run(agent, "big", size)
    assert value == "v" * size
    assert agent.words == ["s" * 100_000]


async def test_the_log_is_written_to_from_the_fork(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup()
    with open(2, "w", closefd=False) as log:
        monkeypatch.setattr(sys, "stderr", log)
        await setup.run(setup.agent("speaker"), "say")
        monkeypatch.undo()
    assert "speaker/1 [5.7] hello from the fork" in capfd.readouterr().err


# -- what it asks ------------------------------------------------------------------------------------------------------


async def test_what_it_asks_is_asked_by_the_worker_by_place_and_by_name() -> None:
    setup = Setup()
    agent = setup.agent("speaker")
    running = asyncio.ensure_future(setup.run(agent, "ask"))
    await until(lambda: len(setup.office.asked) == 1)
    assert setup.office.asked[0][:3] == ("light/2", "add", (1,))
    setup.office.asked[0][3].set_result({"deep": [1]})
    await until(lambda: len(setup.office.asked) == 2)
    [named] = setup.office.asked[1][2]
    assert (type(named), named) == (Named, {"x": 1, "y": [2]})
    setup.office.asked[1][3].set_result("b" * 3_000_000)  # does not go into the socket at once
    await until(lambda: len(setup.office.asked) == 5)
    for place in (4, 2, 3):  # in any order
        setup.office.asked[place][3].set_result(place)
    value, _ = await running
    assert value == agent.heard == [{"deep": [1]}, 3_000_000, 2, 3, 4]


async def test_a_question_that_fails_or_is_refused_raises_in_the_fork() -> None:
    setup = Setup()
    running = asyncio.ensure_future(setup.run(setup.agent("speaker"), "ask_wrongly"))
    await until(lambda: setup.office.asked)
    setup.office.asked[0][3].set_exception(UnknownAgent("no agent light/9"))
    assert (await running)[0] == "refused: no agent light/9"

    def refuse(*_question: Any) -> Any:
        raise UnknownAgent("not even taken")

    setup.office.ask = refuse  # type: ignore[method-assign]
    assert (await setup.run(setup.agent("speaker"), "ask_wrongly"))[0] == "refused: not even taken"


async def test_what_cannot_be_sent_is_refused_and_not_changed_in_silence() -> None:
    setup = Setup()
    said, _ = await setup.run(setup.agent("speaker"), "ask_badly")
    assert len(said) == 10
    assert all(one.startswith("add: ") for one in said)
    assert setup.office.asked == []


async def test_waiting_for_an_answer_is_no_hang() -> None:
    setup = Setup()
    running = asyncio.ensure_future(setup.run(setup.agent("speaker"), "patient"))
    await until(lambda: setup.office.asked)
    await asyncio.sleep(0.8)
    assert not running.done()
    setup.office.asked[0][3].set_result(4)
    assert (await running)[0] == 4


async def test_an_answer_to_a_process_that_has_ended_harms_nobody() -> None:
    setup = Setup()
    running = asyncio.ensure_future(setup.run(setup.agent("speaker"), "patient"))
    await until(lambda: setup.office.asked)
    os.kill(children()[-1], signal.SIGKILL)
    with pytest.raises(TaskKilled):
        await running
    setup.office.asked[0][3].set_result(4)
    await asyncio.sleep(0)


# -- what it broke -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "type_name"),
    [("value", "ValueError"), ("exit", "SystemExit"), ("stranger", "Stranger"), ("stop", "KeyboardInterrupt")],
)
async def test_what_it_raises_is_raised_here_and_its_agent_is_as_before(name: str, type_name: str) -> None:
    setup = Setup()
    agent = setup.agent()
    with pytest.raises(TaskFailed, match="as told") as raised:
        await setup.run(agent, "raise_it", name)
    assert raised.value.type == type_name
    assert (agent.total, setup.found) == (0, [])


@pytest.mark.parametrize(
    ("kind", "method", "argument", "error"),
    [
        ("light", "unsendable", None, BadReply),
        ("light", "add", "text", BadArgument),
        ("heavy", "too_big", None, PoolError),
        ("heavy", "big", 5_000_000, BadReply),
    ],
)
async def test_what_the_engine_refuses_is_refused_as_ever(
    kind: str, method: str, argument: Any, error: type[Exception]
) -> None:
    setup = Setup()
    agent = setup.agent(kind)
    before = setup.kinds[kind].save(agent)
    with pytest.raises(error):
        await setup.run(agent, method, argument)
    assert setup.kinds[kind].save(agent) == before
    assert setup.found == []


@pytest.mark.parametrize(
    ("method", "argument", "how"),
    [
        ("die", 3, "exit status 3"),
        ("die", 0, "exit status 0"),
        ("kill", None, "killed by signal 9"),
        ("crash", None, "killed by signal 11"),
    ],
)
async def test_who_ends_its_process_ends_that_only_and_is_found(method: str, argument: Any, how: str) -> None:
    setup = Setup()
    agent = setup.agent()
    with pytest.raises(TaskKilled, match=f"light/1 {method} ended a process of its own: {how}"):
        await setup.run(agent, method, argument)
    assert agent.total == 0
    [(what, address, name, task_id, cause, stack)] = setup.found
    assert (what, address, name, task_id, cause) == ("killed", "light/1", method, "5.7", how)
    assert ("Segmentation fault" in stack) is (method == "crash")
    if method == "crash":
        assert "in crash" in stack


@pytest.mark.parametrize(
    ("kind", "method", "where"),
    [
        ("light", "spin", "in spin"),
        ("light", "stall", "in stall"),
        ("light", "stubborn", ""),
        ("speaker", "hidden", "in _spin"),
    ],
)
async def test_who_hangs_is_ended_and_found_with_the_place(kind: str, method: str, where: str) -> None:
    setup = Setup()
    began_s = time.monotonic()
    with pytest.raises(TaskHung, match=rf"{kind}/1 {method}: 0.3 s .*, in a process of its own"):
        await setup.run(setup.agent(kind), method)
    assert time.monotonic() - began_s >= 0.3
    [(what, address, name, task_id, _, stack)] = setup.found
    assert (what, address, name, task_id) == ("hung", f"{kind}/1", method, "5.7")
    assert where in stack


async def test_who_may_take_long_takes_long() -> None:
    setup = Setup()
    assert (await setup.run(setup.agent(), "long", 1.3))[0] == 1.3
    assert setup.found == []


async def test_who_grows_past_the_limit_is_ended_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "GROWTH_BYTES", 30_000_000)
    setup = Setup()
    with pytest.raises(TaskKilled, match="grew by more than"):
        await setup.run(setup.agent(), "grow")
    assert [(one[0], one[2]) for one in setup.found] == [("leaked", "grow")]
    assert HOARD == []


async def test_the_end_of_a_process_is_seen_though_a_child_of_its_own_lives_on(tmp_path: Path) -> None:
    setup = Setup()
    file = tmp_path / "child"
    with pytest.raises(TaskKilled, match="exit status 3"):
        await setup.run(setup.agent(), "leave_a_child", str(file))
    child = int(file.read_text())
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)
    assert ended_within([child], 5)


async def test_a_task_that_is_cancelled_ends_with_its_process() -> None:
    setup = Setup()
    for method in ("forever", "hidden"):
        running = asyncio.ensure_future(setup.run(setup.agent("speaker"), method))
        known = set(children())
        await until(lambda known=known: set(children()) - known)  # type: ignore[misc]
        [pid] = set(children()) - known
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not is_alive(pid)
    assert setup.found == []


async def test_where_no_process_can_be_started_the_task_is_refused_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup()

    def no_fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_fork)
    with pytest.raises(PoolUnavailable, match=r"light/1.*Resource temporarily unavailable") as refused:
        await setup.run(setup.agent(), "add", 1)
    assert refused.value.retry_after_s
    monkeypatch.undo()
    assert await setup.run(setup.agent(), "add", 1) == (1, [])


# -- what it takes -----------------------------------------------------------------------------------------------------


def can_lock(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


async def test_a_fork_holds_nothing_of_its_worker(tmp_path: Path) -> None:
    setup = Setup()
    ours, theirs = socket.socketpair()
    locked = os.open(tmp_path / "LOCK", os.O_CREAT | os.O_RDWR)
    fcntl.flock(locked, fcntl.LOCK_EX)
    try:
        held, _ = await setup.run(setup.agent(), "open_files")
        assert sorted(name.partition(":")[0] for name in held) == ["/memfd", "pipe", "socket"]
        running = asyncio.ensure_future(setup.isolation.run(setup.case(setup.agent("speaker"), "forever")))
        await until(lambda: setup.isolation._room._value < AT_ONCE and children())
        ours.close()
        theirs.settimeout(10)
        assert theirs.recv(1) == b""  # nobody else holds the other end
        os.close(locked)
        locked = os.open(tmp_path / "LOCK", os.O_RDWR)
        await until(lambda: can_lock(locked))  # a fork gives up what is not its own as it begins
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    finally:
        os.close(locked)
        ours.close()
        theirs.close()


async def test_no_more_than_some_run_at_once_and_all_run() -> None:
    """Each of them asks something, and waits for the answer."""
    setup = Setup()
    known = set(children())
    count = 3 * AT_ONCE
    cases = [setup.case(setup.agent("speaker", key), "patient") for key in range(count)]
    running = [asyncio.ensure_future(setup.isolation.run(case)) for case in cases]
    await until(lambda: len(setup.office.asked) == AT_ONCE)
    await asyncio.sleep(0.5)
    assert len(setup.office.asked) == len(set(children()) - known) == AT_ONCE
    for number in range(count):
        await until(lambda number=number: len(setup.office.asked) > number)  # type: ignore[misc]
        assert len(set(children()) - known) <= AT_ONCE
        setup.office.asked[number][3].set_result(number)
    assert sorted(value for value, _ in await asyncio.gather(*running)) == list(range(count))


async def test_two_hundred_runs_leave_no_descriptor_and_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup()
    agents = [setup.agent(key=key) for key in range(8)]
    before, processes = descriptors(), set(children())

    async def one(number: int) -> None:
        agent = agents[number % 8]
        try:
            await setup.isolation.run(
                setup.case(agent, *[("add", 1), ("die", 1), ("raise_it", "value"), ("add", 1)][number % 4])
            )
        except (TaskFailed, TaskKilled):
            assert number % 4 in (1, 2)

    for start in range(0, 200, 8):
        await asyncio.gather(*(one(number) for number in range(start, start + 8)))
    assert sum(agent.total for agent in agents) == 100
    assert set(children()) == processes
    assert descriptors() <= before


def test_the_same_in_the_loop_of_a_worker() -> None:
    async def all_of_it() -> None:
        setup = Setup()
        agent = setup.agent()
        assert await setup.run(agent, "add", 2) == (2, [])
        with pytest.raises(TaskKilled):
            await setup.run(agent, "die", 1)
        with pytest.raises(TaskHung):
            await setup.run(setup.agent("speaker"), "hidden")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_it())


WORKER = """
import asyncio
from tests.unit.pools.test_isolation import Setup
async def main():
    setup = Setup()
    running = [asyncio.ensure_future(setup.isolation.run(setup.case(setup.agent(kind), method, argument)))
               for kind, method, argument in (("light", "long", 60), ("speaker", "forever", None))]
    from tests.support.processes import children, until
    await until(lambda: len(children()) == 2)
    await asyncio.sleep(0.1)
    print(*children(), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_fork_ends_with_its_worker(end: Callable[[], None]) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, env=environ, cwd=ROOT) as worker:
        try:
            assert worker.stdout is not None
            forks = [int(pid) for pid in worker.stdout.readline().split()]
            assert len(forks) == 2
            assert all(map(is_alive, forks))
        finally:
            worker.send_signal(end)
    assert ended_within(forks, 2)
