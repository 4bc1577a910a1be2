"""A worker's place outlives its processes: what they are told, how they end, and what becomes of the tasks meanwhile."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pools.again import DEATHS
from pools.channel import Channel
from pools.errors import Failure, KindNotLoaded, PoolUnavailable, UnknownKind, WorkerDied
from pools.events import Event
from pools.gauges import BUSY_SINCE_NS, CELLS, DONE, POSITION, SECTION, WHO
from pools.healing import Finding
from pools.link import Link
from pools.message import RESULT, STATUS, TASK, Frames, Message, encode
from pools.seat import Seat
from tests.support.clocks import Clock
from tests.support.processes import until
from tests.support.wires import Sink, queued

SETUP = {"pid": 1, "loop": "uvloop", "sample": 9}


class Process:
    """A worker's process by hand: the test reads what it is told, and answers."""

    def __init__(self, pid: int) -> None:
        self.socket, self._far = socket.socketpair()
        self.socket.setblocking(False)
        self._far.setblocking(False)
        self._frames = Frames()
        self.pid = pid
        self.is_alive = True
        self.kills = 0
        self.is_left = False
        self.heard: list[Message] = []
        self._on_exit: Callable[[int | None], None] = lambda _status: None

    def watch(self, loop: Any, on_born: Callable[[int], None], on_exit: Callable[[int | None], None]) -> None:
        """As `WorkerProcess.watch`."""
        self._on_exit = on_exit
        loop.call_soon(on_born, self.pid)

    def kill(self) -> None:
        """Note it, and die of it in the next turn of the loop, as a process does."""
        self.kills += 1
        if self.is_alive:
            asyncio.get_running_loop().call_soon(self.end, -9)

    def end(self, status: int | None) -> None:
        """The process ends."""
        if self.is_alive:
            self.is_alive = False
            self._far.close()
            self._on_exit(status)

    def listen(self) -> list[Message]:
        """Everything that was heard so far."""
        try:
            while data := self._far.recv(1 << 20):
                self.heard += self._frames.feed(data)
            self.is_left = True
        except BlockingIOError:
            pass
        return self.heard

    def say(self, letter: str, data: Any) -> None:
        """Send a message to the engine."""
        self._far.send(encode(letter, data, 0))

    def answer(self, order: dict[str, Any], value: Any = None) -> None:
        """Say that an order was obeyed."""
        self.say(STATUS, {"verb": "done", "id": order["id"], "value": value})

    def orders(self) -> list[dict[str, Any]]:
        """The control verbs that were heard."""
        return [message.data for message in self.listen() if message.letter == STATUS]

    def garbage(self) -> None:
        """Send bytes that are no frame."""
        self._far.send(b"\xff" * 100)

    def hang_up(self) -> None:
        """Close the connection and live on."""
        self._far.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the descriptors back."""
        self._far.close()
        self.socket.close()


class Budget:
    """Waits so long before each new start, None for no more; keeps what it was told."""

    def __init__(self, *waits_s: float | None) -> None:
        self._waits_s = list(waits_s)
        self.told: list[bool] = []

    def died(self, _now_s: float, *, has_worked: bool) -> float | None:
        """As `RestartBudget.died`."""
        self.told.append(has_worked)
        return self._waits_s.pop(0) if self._waits_s else None


class Gateway:
    """Keeps what a worker's agents ask of others."""

    def __init__(self) -> None:
        self.accepted: list[Any] = []
        self.cancelled: list[Any] = []
        self.is_closed = False

    def accept(self, sections: Any) -> None:
        """Keep sections."""
        self.accepted.append(sections)

    def cancel(self, sections: Any, position: Any) -> None:
        """Keep what is taken back."""
        self.cancelled.append((sections, position))

    def close(self) -> None:
        """Note the end."""
        self.is_closed = True


class Setup:
    """A seat whose processes are by hand."""

    def __init__(self, *waits_s: float | None, is_kept: bool = False) -> None:
        clock = Clock()
        self.processes: list[Process] = []
        self.gateways: list[Gateway] = []
        self.events: list[Event] = []
        self.spawned: list[tuple[str, Any]] = []
        self.confirms: list[Callable[[], None]] = []
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.budget = Budget(*waits_s)
        self.sink = Sink()
        self.link = Link(window=10, clock=clock.s, later=clock.later, is_kept=is_kept)
        self.inner = Link(window=10, clock=clock.s, later=clock.later, first=2, is_kept=is_kept)
        self.orders: list[dict[str, Any]] = [{"verb": "setup"}, {"verb": "range", "start": 0}]
        self.refusal: OSError | None = None
        self.admitted: list[int] = []
        self.found: list[Finding] = []
        self.seat = Seat(
            "p1",
            link=self.link,
            inner=self.inner,
            cells=self.cells,
            budget=self.budget,  # type: ignore[arg-type]
            launch=self._launch,  # type: ignore[arg-type]
            admit=self.admitted.append,
            orders=lambda: list(self.orders),
            gateway=self._gateway,  # type: ignore[arg-type]
            on_spawn=lambda kind, key, confirm: (self.spawned.append((kind, key)), self.confirms.append(confirm)),
            on_found=self.found.append,
            on_event=self.events.append,
            named=lambda who: f"named/{who}" if who else "",
        )

    def _launch(self) -> Process:
        if self.refusal is not None:
            raise self.refusal
        self.processes.append(Process(1_000 + len(self.processes)))
        return self.processes[-1]

    def _gateway(self, _channel: Channel) -> Gateway:
        self.gateways.append(Gateway())
        return self.gateways[-1]

    @property
    def process(self) -> Process:
        """The newest."""
        return self.processes[-1]

    def offer(self, *tokens: Any, inner: bool = False) -> None:
        """Tasks for this worker, under these tokens and for agents of these keys."""
        link = self.inner if inner else self.link
        link.offer([queued(link, self.sink, tokens)])

    async def told(self) -> None:
        """Wait until the newest process was told everything."""
        process = self.process
        await until(lambda: len(process.orders()) == len(self.orders))

    async def run(self) -> Setup:
        """Start, and answer the set-up."""
        self.seat.start()
        await self.told()
        await self.ready()
        return self

    async def ready(self) -> None:
        """Answer the set-up."""
        self.process.answer(self.process.orders()[0], SETUP)
        await until(lambda: self.seat.state == "running")

    def names(self) -> list[str]:
        """The names of the events."""
        return [event.name for event in self.events]

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.seat.stop(0)
        for process in self.processes:
            process.release()


# -- the start ---------------------------------------------------------------------------------------------------------


async def test_a_new_process_is_told_what_it_holds_and_is_ready_when_the_set_up_is_answered() -> None:
    setup = Setup()
    assert (setup.seat.state, setup.seat.pid) == ("stopped", None)
    ready = setup.seat.start()
    await setup.told()
    assert [order["verb"] for order in setup.process.orders()] == ["setup", "range"]
    assert (setup.seat.state, setup.seat.pid, ready.done()) == ("starting", 1_000, False)
    await setup.ready()
    assert ready.done()
    assert (setup.seat.loop_name, setup.names()) == ("uvloop", ["worker.ready"])
    await setup.close()


async def test_tasks_that_waited_for_the_start_follow_the_orders() -> None:
    setup = Setup()
    setup.offer("a", "b")
    setup.seat.start()
    setup.offer("x", inner=True)
    await until(lambda: len(setup.process.listen()) == 4)
    assert [message.letter for message in setup.process.heard] == [STATUS, STATUS, TASK, TASK]
    assert [message.data[0]["i"] for message in setup.process.heard[2:]] == [["a", "b"], ["x"]]
    await setup.close()


async def test_a_set_up_that_fails_is_raised_and_ends_the_process() -> None:
    setup = Setup()
    ready = setup.seat.start()
    await setup.told()
    failure = ["KindNotLoaded", "no module named x", None]
    setup.process.say(STATUS, {"verb": "failed", "id": 1, "error": failure, "trace": "line 1"})
    with pytest.raises(KindNotLoaded, match="named x") as caught:
        await ready
    assert caught.value.trace == "line 1"
    await until(lambda: setup.seat.state == "down")
    assert "named x" in setup.seat.reason
    assert setup.process.kills
    await setup.close()


async def test_a_process_that_ends_before_it_is_ready_fails_the_start() -> None:
    setup = Setup()
    ready = setup.seat.start()
    await setup.told()
    setup.process.end(3)
    with pytest.raises(WorkerDied, match="exit status 3"):
        await ready
    await setup.close()


async def test_a_process_that_cannot_be_started_is_told_to_the_caller() -> None:
    setup = Setup()
    setup.refusal = OSError("no more processes")
    with pytest.raises(OSError, match="no more"):
        setup.seat.start()


async def test_a_process_that_is_never_ready_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.seat.START_S", 0)
    setup = Setup()
    ready = setup.seat.start()
    with pytest.raises(WorkerDied, match="signal 9"):
        await ready
    assert setup.seat.reason == "it was not ready within 0 s, killed by signal 9"
    await setup.close()


# -- control -----------------------------------------------------------------------------------------------------------


async def test_a_worker_answers_what_it_is_asked_each_request_its_own() -> None:
    setup = await Setup().run()
    first, second = setup.seat.request("agents", kind="a"), setup.seat.request("kind", reference="b")
    await until(lambda: len(setup.process.orders()) == 4)
    asked = setup.process.orders()[2:]
    assert [(order["verb"], order.get("kind"), order.get("reference")) for order in asked] == [
        ("agents", "a", None),
        ("kind", None, "b"),
    ]
    setup.process.say(STATUS, {"verb": "failed", "id": asked[1]["id"], "error": ["UnknownKind", "no b", None]})
    setup.process.answer(asked[0], [1, 2])
    assert await first == [1, 2]
    with pytest.raises(UnknownKind, match="no b"):
        await second
    setup.process.answer(asked[0], "again")
    setup.process.answer({"id": 999}, "to nobody")
    setup.seat.request("sleep").cancel()
    await until(lambda: len(setup.process.orders()) == 5)
    setup.process.answer(setup.process.orders()[4], "too late")
    assert setup.seat.state == "running"
    await setup.close()


async def test_an_answer_that_nobody_takes_any_more_is_no_error_of_the_loop() -> None:
    """As where of several workers the next one cannot be asked."""
    setup = await Setup(1_000).run()
    met: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: met.append(context))
    setup.seat.request("hold")
    setup.process.end(-9)
    await asyncio.sleep(0.05)
    gc.collect()
    await asyncio.sleep(0)
    assert met == []
    await setup.close()


async def test_a_worker_that_is_away_refuses_requests_and_says_why() -> None:
    setup = Setup(1_000)
    with pytest.raises(PoolUnavailable, match="p1 is stopped"):
        setup.seat.request("agents")
    assert setup.seat.request_if_up("names") is None
    await setup.run()
    assert setup.seat.request_if_up("names") is not None
    setup.process.end(3)
    with pytest.raises(PoolUnavailable, match="p1 is backoff: exit status 3"):
        setup.seat.request("agents")
    await setup.close()


async def test_answers_go_to_the_link_that_asked_by_the_number_of_their_section() -> None:
    setup = await Setup().run()
    setup.offer("a", "b")
    setup.offer("x", inner=True)
    setup.process.say(RESULT, [{"n": 2, "v": [7]}, {"n": 1, "v": [8, 9]}])
    await until(lambda: len(setup.sink.answers) == 3)
    assert setup.sink.answers == {"x": 7, "a": 8, "b": 9}
    assert (setup.link.open, setup.inner.open) == (0, 0)
    await setup.close()


async def test_what_agents_ask_tell_and_make_is_handed_on() -> None:
    setup = await Setup().run()
    setup.process.say(TASK, [{"n": 1}])
    setup.process.say(STATUS, {"verb": "cancel", "sections": [1], "position": 2})
    setup.process.say(STATUS, {"verb": "cancel", "sections": [3]})
    setup.process.say(STATUS, {"verb": "spawn", "kind": "counter", "key": "x"})
    setup.process.say(STATUS, {"verb": "spawn", "kind": "counter", "key": "y", "number": 7})
    await until(lambda: len(setup.spawned) == 2)
    assert setup.gateways[0].accepted == [[{"n": 1}]]
    assert setup.gateways[0].cancelled == [([1], 2), ([3], None)]
    assert setup.spawned == [("counter", "x"), ("counter", "y")]
    await setup.close()


async def test_an_agent_that_is_kept_is_confirmed_to_who_gave_its_spawn_a_number() -> None:
    setup = await Setup().run()
    setup.process.say(STATUS, {"verb": "spawn", "kind": "counter", "key": "x"})
    setup.process.say(STATUS, {"verb": "spawn", "kind": "counter", "key": "y", "number": 7})
    await until(lambda: len(setup.confirms) == 2)
    told = len(setup.process.orders())
    for confirm in setup.confirms:
        confirm()
    await until(lambda: len(setup.process.orders()) > told)
    assert setup.process.orders()[told:] == [{"verb": "spawned", "number": 7}]
    await setup.close()
    setup.confirms[1]()  # the process is gone; its next one asks again


# -- the end of a process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "how"), [(0, "exit status 0"), (3, "exit status 3"), (-9, "killed by signal 9")])
async def test_a_death_fails_what_was_sent_and_the_next_process_takes_what_waits(status: int, how: str) -> None:
    setup = await Setup(0, 0).run()
    setup.offer(*range(12))
    setup.offer("x", inner=True)
    asked = setup.seat.request("agents")
    setup.process.end(status)
    assert setup.seat.state == "backoff"
    assert setup.sink.failed_with("WorkerDied") == {*range(10), "x"}
    assert how in setup.sink.answers[0].message
    with pytest.raises(WorkerDied, match=how):
        await asked
    assert setup.gateways[0].is_closed
    assert setup.events[-1][:2] == ("worker.died", f"p1: {how}")
    await until(lambda: len(setup.processes) == 2)
    await setup.told()
    await setup.ready()
    await until(lambda: setup.process.listen()[-1].letter == TASK)
    assert setup.process.heard[-1].data[0]["i"] == [10, 11]
    assert (setup.seat.restarts, setup.seat.pid, setup.seat.reason) == (1, 1_001, "")
    assert setup.names() == ["worker.ready", "worker.died", "worker.ready"]
    await setup.close()


async def test_past_its_budget_a_worker_stays_down_and_answers_everybody_at_once() -> None:
    setup = await Setup(0).run()
    setup.process.end(1)
    await until(lambda: len(setup.processes) == 2)
    await setup.told()
    await setup.ready()
    setup.offer(*range(12))
    setup.process.end(1)
    assert (setup.seat.state, setup.seat.pid) == ("down", None)
    assert setup.sink.failed_with("PoolUnavailable") == set(range(12))
    setup.offer("late")
    setup.offer("later", inner=True)
    assert setup.sink.failed_with("PoolUnavailable") == {*range(12), "late", "later"}
    assert "again and again" in setup.sink.answers["late"].message
    assert setup.names()[-1] == "worker.down"
    assert len(setup.processes) == 2
    await setup.close()


async def test_the_budget_hears_whether_anything_was_done_since_the_start() -> None:
    setup = await Setup(0, 0, 0).run()
    for done in (0, 5, 0):
        setup.cells[DONE] += done
        setup.cells[BUSY_SINCE_NS] = 77
        setup.process.end(1)
        assert setup.cells[BUSY_SINCE_NS] == 0
        await until(lambda: setup.seat.state == "starting")
        await setup.told()
        await setup.ready()
    assert setup.budget.told == [False, True, False]
    await setup.close()


@pytest.mark.parametrize("how", ["garbage", "hang_up"])
async def test_a_process_whose_connection_ends_is_ended_too(how: str) -> None:
    setup = await Setup().run()
    process = setup.process
    getattr(process, how)()
    await until(lambda: setup.seat.state == "down")
    assert process.kills
    assert "killed by signal 9" in setup.seat.reason
    assert ("its connection broke" in setup.seat.reason) is (how == "garbage")
    await setup.close()


async def test_a_worker_that_cannot_be_started_again_is_down_and_says_why() -> None:
    setup = await Setup(0).run()
    setup.refusal = OSError("no more processes")
    setup.process.end(1)
    await until(lambda: setup.seat.state == "down")
    assert setup.events[-1][:2] == ("worker.down", "p1: no process could be started: no more processes")
    await setup.close()


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_a_worker_is_asked_to_end_by_closing_its_connection() -> None:
    setup = await Setup(0).run()
    setup.offer("a")
    process = setup.process
    stopping = asyncio.ensure_future(setup.seat.stop(10))
    await until(lambda: process.listen() and process.is_left)
    assert not process.kills
    process.end(0)
    await stopping
    assert (setup.seat.state, setup.names()) == ("stopped", ["worker.ready"])
    assert setup.sink.failed_with("WorkerDied") == {"a"}
    assert setup.budget.told == []
    setup.offer("late")
    assert isinstance(setup.sink.answers["late"], Failure)
    await setup.close()


async def test_a_worker_that_does_not_end_in_its_grace_is_killed() -> None:
    setup = await Setup().run()
    await setup.seat.stop(0.001)
    assert setup.process.kills
    assert setup.seat.pid is None
    await setup.close()


async def test_a_worker_that_is_stopped_before_it_is_born_is_told_nothing_and_its_end_starts_no_other() -> None:
    """It was told everything, and taken for one that runs; its end began another one, which outlived the engine."""
    setup = Setup(0)
    setup.seat.start()
    stopping = asyncio.ensure_future(setup.seat.stop(10))
    process = setup.process
    await until(lambda: process.listen() or process.is_left)
    assert process.orders() == []
    process.end(0)
    await stopping
    await asyncio.sleep(0)
    assert (len(setup.processes), setup.seat.state, setup.budget.told) == (1, "stopped", [])
    await setup.close()


async def test_stopping_while_no_process_is_there_starts_none_and_answers_what_waits() -> None:
    setup = await Setup(1_000).run()
    setup.process.end(1)
    setup.offer("a")
    assert setup.sink.answers == {}
    await setup.seat.stop(10)
    assert setup.sink.failed_with("PoolUnavailable") == {"a"}
    assert setup.seat._timer is not None
    assert setup.seat._timer.cancelled()
    assert (len(setup.processes), setup.seat.state) == (1, "stopped")
    await setup.close()


# -- workers that remember what they did -------------------------------------------------------------------------------


async def reborn(setup: Setup, section: int = 0, position: int = 0, *, is_running: bool = True) -> list[dict[str, Any]]:
    """The process ends while this task runs; returns the sections of tasks that the next one is sent at once."""
    count = len(setup.processes)
    setup.cells[SECTION], setup.cells[POSITION] = section, position
    setup.cells[BUSY_SINCE_NS] = 77 if is_running else 0
    setup.process.end(-9)
    await until(lambda: len(setup.processes) == count + 1)
    await setup.told()
    await setup.ready()
    await until(lambda: setup.process.listen()[-1].letter == TASK)
    return [section for message in setup.process.heard if message.letter == TASK for section in message.data]


async def test_the_next_process_is_sent_what_the_last_one_did_not_answer_after_its_orders() -> None:
    setup = await Setup(0, is_kept=True).run()
    setup.offer("a", "b")
    setup.offer("x", inner=True)
    sections = await reborn(setup, is_running=False)
    assert [message.letter for message in setup.process.heard] == [STATUS, STATUS, TASK, TASK]
    assert [(section["n"], section["i"]) for section in sections] == [(1, ["a", "b"]), (2, ["x"])]
    assert setup.sink.answers == {}
    await setup.close()


async def test_a_death_is_charged_to_the_task_that_ran_then_and_to_no_other() -> None:
    setup = await Setup(*[0] * DEATHS, is_kept=True).run()
    setup.offer("a", "b", "c")
    setup.offer("x", inner=True)
    assert [section["i"] for section in await reborn(setup, 1, 1)] == [["a", "c"], ["x"]]
    setup.process.say(RESULT, [{"n": 1, "i": [0, 2], "v": ["A", "C"]}])
    await until(lambda: setup.process.listen()[-1].data[0]["i"] == ["b"])
    for _ in range(DEATHS - 2):
        assert ["b"] in [section["i"] for section in await reborn(setup, 1, 0)]
    sections = await reborn(setup, 1, 0)
    assert setup.sink.failed_with("WorkerDied") == {"b"}
    assert [section["i"] for section in sections] == [["x"]]
    assert (setup.link.open, setup.inner.open) == (0, 1)
    await setup.close()


async def test_a_death_between_two_tasks_is_charged_to_nobody() -> None:
    """The gauges still name the task that ran last."""
    setup = await Setup(0, 0, 0, is_kept=True).run()
    setup.offer("a", "b")
    for _ in range(3):
        assert [section["i"] for section in await reborn(setup, 1, 1, is_running=False)] == [["a", "b"]]
    assert setup.sink.answers == {}
    await setup.close()


async def test_a_worker_that_stays_down_fails_what_would_be_sent_again() -> None:
    setup = await Setup(is_kept=True).run()
    setup.offer(*range(12))
    setup.process.end(1)
    assert setup.seat.state == "down"
    assert setup.sink.failed_with("PoolUnavailable") == set(range(12))
    await setup.close()


async def test_what_a_process_read_in_its_store_is_told_when_it_is_ready() -> None:
    found = {"records": 1_234, "stored_bytes": 9, "seconds": 0.0125, "torn": ["w0/7.log", 4_096, 100], "is_fallback": True}
    setup = Setup()
    setup.seat.start()
    await setup.told()
    setup.process.answer(setup.process.orders()[0], SETUP | {"found": found})
    await until(lambda: setup.seat.state == "running")
    (event,) = setup.events
    for part in ("p1 is ready", "1,234 records", "100 bytes of a torn tail", "w0/7.log at 4,096", "the ones before were read"):
        assert part in event.text
    await setup.close()


async def test_a_process_that_found_nothing_says_nothing_of_it() -> None:
    setup = Setup()
    setup.seat.start()
    await setup.told()
    found = {"records": 0, "stored_bytes": 0, "seconds": 0.0, "torn": None, "is_fallback": False}
    setup.process.answer(setup.process.orders()[0], SETUP | {"found": found})
    await until(lambda: setup.seat.state == "running")
    assert setup.events[0].text == "p1 is ready"
    await setup.close()


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("status", [1, -11, -9])
@pytest.mark.parametrize(
    ("section", "position", "facts"), [(1, 1, ("counter/b", "add", "1.1")), (0, 4, ("named/77", "", "0.4"))]
)
async def test_who_ran_when_a_process_ended_is_told_as_far_as_it_is_known(
    is_kept: bool, status: int, section: int, position: int, facts: tuple[str, str, str]
) -> None:
    """Where state is kept it is tried before it is judged; else a death that may have come from outside accuses nobody."""
    setup = await Setup(is_kept=is_kept).run()
    setup.offer("a", "b")
    setup.cells[SECTION], setup.cells[POSITION], setup.cells[WHO], setup.cells[BUSY_SINCE_NS] = section, position, 77, 1
    assert setup.seat.running == facts[:2]
    setup.process.end(status)
    what = "suspected" if is_kept else "killed"
    assert [finding[:4] for finding in setup.found] == ([] if status == -9 and not is_kept else [(what, *facts)])
    await setup.close()


async def test_nobody_is_told_where_nothing_ran_or_nobody_is_known() -> None:
    setup = await Setup(0, 0, is_kept=True).run()
    setup.cells[SECTION], setup.cells[WHO] = 0, 0
    for is_busy in (False, True):
        setup.cells[BUSY_SINCE_NS] = int(is_busy)
        assert setup.seat.running is None
        setup.process.end(1)
        await until(lambda: setup.seat.state == "starting")
        await setup.told()
        await setup.ready()
    assert setup.found == []
    await setup.close()


async def test_a_process_that_resets_its_connection_as_it_ends_is_told_by_its_end() -> None:
    setup = await Setup(0).run()
    setup.offer("a")
    setup.cells[SECTION], setup.cells[POSITION], setup.cells[BUSY_SINCE_NS] = 1, 0, 1
    channel = setup.seat._channel
    assert channel is not None
    setup.seat._on_closed(channel, ConnectionResetError(104, "Connection reset by peer"))
    setup.process.end(7)
    assert [finding[:2] for finding in setup.found] == [("killed", "counter/a")]
    await setup.close()
