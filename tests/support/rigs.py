"""An executor with everything around it by hand: its clock, its loop, its answers, its way out."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any

from pools.address import Key
from pools.agent import Agent
from pools.context import Outgoing
from pools.errors import Failure
from pools.executor import Executor
from pools.gauges import CELLS
from pools.isolation import Isolation
from pools.job import Waiting
from pools.kind import Kind
from pools.logbook import Logbook
from pools.outside import Outside
from pools.residents import Residents
from pools.spec import OUTBOX_MESSAGES
from pools.steps import Question
from pools.ward import Ward
from tests.support.clocks import Clock, Turns

__all__ = ["Answers", "Office", "Rig", "eager", "ward"]


class Answers:
    """Keeps answers by section and position; one that comes twice fails the test. Values are kept as they are at `flush`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], Any] = {}
        self.order: list[tuple[int, int]] = []
        self.flushes = 0
        self._waiting: list[tuple[tuple[int, int], Any]] = []

    def answer(self, number: int, first: int, results: list[Any], errors: list[Any]) -> None:
        """Take consecutive positions."""
        self.answer_at(number, list(range(first, first + len(results))), results, errors)

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Any]) -> None:
        """Take some positions."""
        assert len(positions) == len(results)
        failed = {index: Failure(*rest) for index, *rest in errors}
        for index, (position, value) in enumerate(zip(positions, results, strict=True)):
            assert (number, position) not in self.order, f"task {number}.{position} was answered twice"
            self.order.append((number, position))
            self._waiting.append(((number, position), failed.get(index, value)))

    def flush(self) -> None:
        """Encode what was taken, which is when a value is read for the last time."""
        self.flushes += 1
        for place, value in self._waiting:
            self.kept[place] = _copy(value)
        self._waiting.clear()

    def of(self, number: int, count: int) -> list[Any]:
        """The answers to a section of so many tasks."""
        self.flush()
        return [self.kept[number, position] for position in range(count)]


def _copy(value: Any) -> Any:
    if type(value) is list:
        return [_copy(item) for item in value]
    if type(value) is dict:
        return {name: _copy(item) for name, item in value.items()}
    return value


class Office:
    """Keeps what contexts ask and log; each question is a future that the test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[Any, ...], Future[Any]]] = []
        #: Whose question each was, where that is kept.
        self.questions: list[Question | None] = []
        #: What an agent may have on its way.
        self.free = OUTBOX_MESSAGES
        self.outside = Outside()
        self.logged: list[tuple[str, str, str]] = []
        self.heard: list[tuple[int, int, float]] = []
        self.logbook = Logbook()

    def room(self, _sender: str) -> int:
        """How many messages an agent may add."""
        return self.free

    def ask(self, address: str, method: str, arguments: tuple[Any, ...], question: Question | None = None) -> Future[Any]:
        """Keep a question."""
        self.questions.append(question)
        future: Future[Any] = asyncio.get_running_loop().create_future()
        self.asked.append((address, method, arguments, future))
        return future

    def log(self, address: str, task_id: str, text: str, level: str) -> None:
        """Keep a line."""
        self.logged.append((address, task_id, text))

    def progress(self, task: Waiting, fraction: float) -> None:
        """Keep how far a task is."""
        self.heard.append((task.job.number, task.position, fraction))


def ward(kinds: Mapping[str, Residents], found: Callable[..., None] = lambda *_facts: None) -> Ward:
    """A ward for a worker's agents. found: told what it finds."""
    office, cells = Office(), memoryview(bytearray(CELLS * 8)).cast("Q")
    return Ward(kinds, Isolation(office, found), time.monotonic, found, office.logbook, cells)


class Rig:
    """An executor for some classes with `agents` numbered agents each."""

    def __init__(
        self,
        *classes: type[Agent],
        agents: int = 10,
        mailbox: int = 1_000,
        clock: Clock | None = None,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.turns = Turns()
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.office = Office()
        self.sent: list[tuple[str, Key, list[Outgoing]]] = []
        self.answers = Answers()
        self.kinds = {made.kind: Residents(Kind(made), owned=frozenset({0}), shards=1) for made in classes}
        for residents in self.kinds.values():
            residents.add_range(0, agents)
        self.executor = Executor(
            self.kinds,
            cells=self.cells,
            mailbox=mailbox,
            clock_ns=self.clock.ns,
            defer=self.turns,
            start=start or (lambda coroutine: asyncio.get_running_loop().create_task(coroutine)),
            office=self.office,
            send=lambda kind, key, outbox: self.sent.append((kind, key, list(outbox))),
            ward=ward(self.kinds),
        )
        self._number = 0

    def accept(self, kind: str, *tasks: tuple[Any, ...], answers: Answers | None = None) -> int:
        """Hand in a section of tasks (key, method, *argument as it is sent); returns its number."""
        self._number += 1
        names = list(dict.fromkeys(task[1] for task in tasks))
        section: dict[str, Any] = {
            "n": self._number,
            "k": kind,
            "i": [task[0] for task in tasks],
            "m": names[0] if len(names) == 1 else [names, [names.index(task[1]) for task in tasks]],
        }
        if any(len(task) > 2 for task in tasks):
            section["a"] = [task[2] if len(task) > 2 else None for task in tasks]
        self.executor.accept(section, answers or self.answers)
        return self._number

    def run(self, kind: str, *tasks: tuple[Any, ...]) -> list[Any]:
        """The answers to tasks that do not wait."""
        number = self.accept(kind, *tasks)
        self.turns.run()
        return self.answers.of(number, len(tasks))

    async def settle(self) -> None:
        """Let everything that can go on go on."""
        for _ in range(50):
            self.turns.turn()
            await asyncio.sleep(0)

    async def wait(self, kind: str, *tasks: tuple[Any, ...]) -> list[Any]:
        """The answers to tasks that may wait, but for nothing outside."""
        number = self.accept(kind, *tasks)
        await self.settle()
        return self.answers.of(number, len(tasks))


class _Rest:
    """The rest of a coroutine whose first step was taken by hand."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], first: Any) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._first
        while True:
            if asyncio.isfuture(waits_for):
                waits_for._asyncio_future_blocking = True  # type: ignore[attr-defined]  # as `await` says it
            try:
                sent = yield waits_for
            except BaseException as error:  # a task throws its cancellation into whatever it runs
                step: Callable[[], Any] = lambda error=error: self._coroutine.throw(error)  # type: ignore[misc]  # noqa: E731
            else:
                step = lambda sent=sent: self._coroutine.send(sent)  # type: ignore[misc]  # noqa: E731
            try:
                waits_for = step()
            except StopIteration:
                return


def eager(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that was started in place, as `asyncio.Task(eager_start=True)` does from Python 3.12 on."""
    loop = asyncio.get_running_loop()
    try:
        first = coroutine.send(None)
    except StopIteration:
        return loop.create_task(_nothing())
    if asyncio.isfuture(first):
        first._asyncio_future_blocking = False  # taken, as a task takes it

    async def rest() -> None:
        await _Rest(coroutine, first)

    return loop.create_task(rest())


async def _nothing() -> None:
    return None
