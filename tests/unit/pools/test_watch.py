"""A task that hangs is sampled, interrupted, and killed with its process only where that does not help.

The processes are real, what is done to them is kept: a seat by hand stands between.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from asyncio import Future
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pools import alerts, watch
from pools.errors import PoolUnavailable, WorkerDied
from pools.gauges import BUSY_SINCE_NS, CELLS, DONE, HUNG, POSITION, SECTION, WAITING, pulse_of
from pools.healing import Finding
from pools.heartbeat import SPINS
from pools.interruption import INTERRUPT, STACK
from pools.watch import Watch
from tests.support.processes import until

SPIN, SLEEP = "while True: pass", "import time; time.sleep(600)"


class Seat:
    """A worker's seat around a process that only computes or sleeps. on_signal: called when it is interrupted."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", code])
        self.pid: int | None = self.process.pid
        self.name = "p1"
        self.state = "running"
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.sample = -1
        self.told: tuple[str, str, str] | None = None
        self.running: tuple[str, str] | None = ("a/1", "do")
        self.section = "1.0"
        self.link = SimpleNamespace(open=0, waiting=0, is_held=False, flights=SimpleNamespace(oldest=None))
        self.inner = SimpleNamespace(open=0)
        self.is_asked = False
        self.signals: list[int] = []
        self.killed: list[str] = []
        self.on_signal: Callable[[], None] = lambda: None
        self.asked = 0
        #: What a question is answered with: an error, a value at once, or nothing.
        self.answer: Any = None
        #: Its agents with tasks in their mailboxes; None dies.
        self.held: list[Any] | None = []

    def begin(self, section: int = 1) -> None:
        """A task begins."""
        self.cells[SECTION] = section
        self.cells[BUSY_SINCE_NS] = time.monotonic_ns()

    def end(self, *told: str) -> None:
        """It ends; told: what the process says of that."""
        self.cells[BUSY_SINCE_NS] = 0
        if told:
            self.told = told  # type: ignore[assignment]

    def send_signal(self, number: int) -> None:
        self.signals.append(number)
        if number == INTERRUPT:
            self.on_signal()

    def kill(self, reason: str) -> None:
        self.killed.append(reason)
        self.pid = None

    def request_if_up(self, verb: str) -> Future[Any]:
        assert verb == "held_up"
        future: Future[Any] = asyncio.get_running_loop().create_future()
        future.set_exception(WorkerDied("as told")) if self.held is None else future.set_result(self.held)
        return future

    def request(self, verb: str) -> Future[Any]:
        assert verb == "ping"
        self.asked += 1
        if isinstance(self.answer, PoolUnavailable):
            raise self.answer
        future: Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer is not None:
            future.set_result(self.answer)
        return future


@asynccontextmanager
async def watching(code: str = SLEEP, *, quick: pytest.MonkeyPatch | None = None) -> AsyncIterator[tuple[Seat, list[Finding]]]:
    """A seat that is watched, and what is found. quick: asks sooner."""
    if quick is not None:
        quick.setattr(watch, "IDLE_S", 0.2)
        quick.setattr(watch, "ANSWER_S", 0.4)
    found: list[Finding] = []
    seat = Seat(code)
    watched = Watch([seat], found.append)  # type: ignore[list-item]
    watched.start()
    try:
        yield seat, found
    finally:
        watched.stop()
        seat.process.kill()
        seat.process.wait()


@pytest.mark.parametrize(("code", "how"), [(SPIN, "a second of processor time"), (SLEEP, "a second in a call")])
async def test_a_task_that_hangs_is_sampled_then_interrupted_and_named_by_its_worker(code: str, how: str) -> None:
    async with watching(code) as (seat, found):
        seat.on_signal = lambda: seat.end("b/7", "spin", "3.1")
        seat.begin()
        pulse = pulse_of(seat.cells)
        began_s = time.monotonic()
        await until(lambda: found)
        assert time.monotonic() - began_s >= 1.0
        assert seat.signals == [STACK, INTERRUPT]
        assert seat.cells[HUNG] == pulse
        [finding] = found
        assert finding[:4] == ("hung", "b/7", "spin", "3.1")
        assert finding.cause.startswith(how)
        assert finding.worker == "p1"
        assert seat.killed == []


async def test_what_the_worker_says_may_come_a_moment_later() -> None:
    async with watching() as (seat, found):

        def obey() -> None:
            seat.end()
            asyncio.get_running_loop().call_later(0.2, seat.end, "b/7", "spin", "3.1")

        seat.on_signal = obey
        seat.begin()
        await until(lambda: found)
        assert found[0][1:4] == ("b/7", "spin", "3.1")


async def test_whose_task_it_was_is_known_here_where_its_code_does_not_say() -> None:
    async with watching() as (seat, found):
        seat.on_signal = lambda: seat.end("", "hide", "1.0")
        seat.begin()
        await until(lambda: found)
        assert found[0][1:4] == ("a/1", "hide", "1.0")


async def test_a_task_that_cannot_be_interrupted_ends_with_its_process() -> None:
    async with watching() as (seat, found):
        seat.begin()
        await until(lambda: seat.killed)
        assert seat.killed == [
            "a/1 do hung (a second in a call that does not return, without an end) and could not be interrupted"
        ]
        assert found[0][:4] == ("hung", "a/1", "do", "1.0")
        assert seat.signals.count(INTERRUPT) >= 2


async def test_where_nobody_knows_whose_it_was_nobody_is_accused() -> None:
    async with watching() as (seat, found):
        seat.running = None
        seat.begin()
        await until(lambda: seat.killed)
        assert seat.killed[0].startswith("a task hung")
        assert found == []


async def test_a_task_that_ends_by_itself_meanwhile_is_not_accused() -> None:
    async with watching() as (seat, found):
        seat.begin()
        await until(lambda: seat.signals == [STACK])
        seat.end()
        seat.begin(3)
        await asyncio.sleep(0.7)
        assert (found, seat.killed) == ([], [])
        assert seat.cells[HUNG] != pulse_of(seat.cells)


async def test_a_task_that_begins_as_another_was_found_is_left_alone() -> None:
    """Between the finding and the acting on it there is a turn of the loop, which may be long."""
    found: list[Finding] = []
    seat = Seat(SLEEP)
    try:
        watched = Watch([seat], found.append)  # type: ignore[list-item]
        view = watched._views[0]
        seat.begin()
        pulse = pulse_of(seat.cells)
        seat.begin(3)
        await watched._interrupt(view, seat.process.pid, SPINS, pulse)
        assert (seat.signals, seat.cells[HUNG], found, seat.killed) == ([], 0, [], [])
        seat.pid = 1
        await watched._interrupt(view, seat.process.pid, SPINS, pulse_of(seat.cells))
        assert seat.signals == []
    finally:
        seat.process.kill()
        seat.process.wait()


async def test_a_worker_that_ends_meanwhile_is_not_killed_again() -> None:
    async with watching() as (seat, found):
        seat.on_signal = lambda: setattr(seat, "pid", None)
        seat.begin()
        await until(lambda: INTERRUPT in seat.signals)
        await asyncio.sleep(0.6)
        assert (found, seat.killed) == ([], [])


async def test_a_worker_that_goes_on_with_short_tasks_is_left_alone() -> None:
    async with watching(SPIN) as (seat, found):
        deadline_s = time.monotonic() + 1.8
        while time.monotonic() < deadline_s:
            seat.begin()
            seat.cells[POSITION] += 1
            await asyncio.sleep(0.005)
        assert (seat.signals, found, seat.killed) == ([], [], [])


async def test_a_worker_that_gets_no_processor_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "cpu_s", lambda _pid: 1.0)
    monkeypatch.setattr(watch, "is_asleep", lambda _pid: False)
    monkeypatch.setattr(watch, "is_runnable", lambda _pid: True)
    async with watching(SPIN, quick=monkeypatch) as (seat, found):
        seat.begin()
        seat.link.open = 1
        await until(lambda: seat.asked)
        await asyncio.sleep(2)
        assert (seat.asked, seat.signals, found, seat.killed) == (1, [], [], [])


# -- alive, but consuming nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_busy", [False, True])
@pytest.mark.parametrize("way", ["link", "inner"])
async def test_a_worker_that_was_stopped_with_open_tasks_is_found(
    way: str, is_busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(SPIN, quick=monkeypatch) as (seat, _):
        seat.process.send_signal(signal.SIGSTOP)
        getattr(seat, way).open = 1
        if is_busy:
            seat.begin()
        await until(lambda: seat.killed)
        assert seat.killed == ["it is alive, but takes none of the tasks that are open"]


async def test_a_worker_whose_loop_does_not_turn_is_found_by_what_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter(range(1_000))
    monkeypatch.setattr(watch, "cpu_s", lambda _pid: float(next(used)))
    async with watching(SPIN, quick=monkeypatch) as (seat, _):
        seat.link.open = 1
        await until(lambda: seat.killed)
        assert next(used) > watch.LOST_S


async def test_a_worker_that_has_much_to_do_beside_its_tasks_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter(range(1_000))
    monkeypatch.setattr(watch, "cpu_s", lambda _pid: min(float(next(used)), watch.LOST_S - 0.1))
    async with watching(SPIN, quick=monkeypatch) as (seat, _):
        seat.link.open = 1
        await asyncio.sleep(2)
        assert (seat.asked, seat.killed) == (1, [])


async def test_a_worker_that_was_stopped_without_open_tasks_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(SPIN, quick=monkeypatch) as (seat, _):
        seat.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        assert (seat.asked, seat.killed) == (0, [])


async def test_a_worker_that_waits_and_answers_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(quick=monkeypatch) as (seat, _):
        seat.answer = True
        seat.link.open = 1
        await until(lambda: seat.asked >= 3)
        assert seat.killed == []


async def test_a_worker_that_does_something_after_all_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(quick=monkeypatch) as (seat, _):
        seat.link.open = 1
        for number in range(3):
            await until(lambda number=number: seat.asked > number)  # type: ignore[misc]
            seat.cells[DONE] += 1
        assert seat.killed == []


@pytest.mark.parametrize("is_open", [0, 1])
async def test_a_worker_that_was_stopped_and_has_an_order_is_found_too(is_open: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ORDER_S", 0.3)
    async with watching(SPIN, quick=monkeypatch) as (seat, _):
        seat.process.send_signal(signal.SIGSTOP)
        seat.link.open = is_open
        seat.is_asked = True
        await until(lambda: seat.killed)


async def test_nobody_is_asked_while_an_order_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(quick=monkeypatch) as (seat, _):
        seat.link.open = 1
        seat.is_asked = True
        await asyncio.sleep(0.8)
        assert (seat.asked, seat.killed) == (0, [])


@pytest.mark.parametrize("answer", [PoolUnavailable("away"), WorkerDied("gone")])
async def test_a_worker_that_cannot_be_asked_is_the_seats_business(answer: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(quick=monkeypatch) as (seat, _):
        seat.answer = answer
        seat.link.open = 1
        await until(lambda: seat.asked >= 2)
        assert seat.killed == []


async def test_an_engine_that_stood_still_itself_has_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer has come meanwhile, and is read a moment later."""
    async with watching(quick=monkeypatch) as (seat, found):
        loop = asyncio.get_running_loop()
        seat.link.open = 1
        seat.cells[BUSY_SINCE_NS] = 0

        def request(_verb: str) -> Future[Any]:
            seat.asked += 1
            future: Future[Any] = loop.create_future()
            loop.call_soon(time.sleep, 1.0)
            loop.call_later(0.05, lambda: loop.call_later(0.02, future.set_result, True))
            return future

        seat.request = request  # type: ignore[method-assign]
        await until(lambda: seat.asked >= 2)
        assert (seat.killed, found) == ([], [])


# -- the watch itself --------------------------------------------------------------------------------------------------


async def test_who_cannot_be_watched_is_ended() -> None:
    async with watching() as (seat, _):

        def broken(_number: int) -> None:
            raise RuntimeError("no signals today")

        seat.send_signal = broken  # type: ignore[method-assign]
        seat.begin()
        await until(lambda: seat.killed)
        assert seat.killed == ["it could not be watched: no signals today"]


@pytest.mark.parametrize("state", ["starting", "backoff", "down", "stopped"])
async def test_a_worker_that_does_not_run_is_not_looked_at(state: str) -> None:
    async with watching() as (seat, found):
        seat.state = state
        seat.begin()
        await asyncio.sleep(1.4)
        assert (seat.signals, found) == ([], [])


async def test_a_watch_that_was_stopped_does_nothing_more() -> None:
    found: list[Finding] = []
    seat = Seat(SLEEP)
    watched = Watch([seat], found.append)  # type: ignore[list-item]
    try:
        watched.stop()
        watched.start()
        seat.begin()
        await until(lambda: seat.signals)
        watched.stop()
        seen = list(seat.signals)
        await asyncio.sleep(0.5)
        assert (seat.signals, found, seat.killed) == (seen, [], [])
    finally:
        seat.process.kill()
        seat.process.wait()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts come sooner."""
    monkeypatch.setattr(watch, "HELD_S", 0.0)
    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    monkeypatch.setattr(alerts, "AFTER_S", 0.2)


@pytest.mark.usefixtures("soon")
async def test_an_agent_that_is_alive_and_takes_nothing_is_told_once_and_nobody_is_healed() -> None:
    seat, events = Seat(SLEEP), []
    found: list[Finding] = []
    watched = Watch([seat], found.append, events.append)  # type: ignore[list-item]
    watched.start()
    try:
        seat.held = [["a/1", "nap", "x-1", 3, 77]]
        await asyncio.sleep(0.3)
        assert watched.alerts.listed(time.monotonic()) == []  # nothing waits, so nobody is asked
        seat.cells[WAITING] = 3
        await until(lambda: events)
        assert (events[0].name, events[0].text.split(":")[0]) == ("agent.stalled", "agent a/1 of p1 is alive and takes nothing")
        assert [alert["name"] for alert in watched.alerts.listed(time.monotonic())] == ["a/1"]
        seat.held = None
        await until(lambda: not watched.alerts.listed(time.monotonic()))
        assert (len(events), found, seat.killed, seat.signals) == (1, [], [], [])
    finally:
        watched.stop()
        seat.process.kill()
        seat.process.wait()


@pytest.mark.usefixtures("soon")
async def test_a_queue_is_stalled_while_its_worker_ends_nothing() -> None:
    seat, events = Seat(SLEEP), []
    watched = Watch([seat], lambda _finding: None, events.append)  # type: ignore[list-item]
    seat.answer = True
    watched.start()
    try:
        seat.link.open, seat.link.waiting, seat.link.flights.oldest = 4, 9, ("a/1", "nap")
        until_s = time.monotonic() + 0.5
        while time.monotonic() < until_s:
            seat.cells[DONE] += 1
            await asyncio.sleep(0.02)
        assert events == []
        await until(lambda: events)
        assert events[0].text == "queue p1 is alive and takes nothing: 9 tasks wait behind a/1 nap"
        seat.cells[DONE] += 1
        await until(lambda: not watched.alerts.listed(time.monotonic()))
    finally:
        watched.stop()
        seat.process.kill()
        seat.process.wait()
