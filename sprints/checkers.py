"""The owner of the processes in which checks run.

Owns how many there are, which check goes to which of them, how long each may take, and their end. A check that takes too long
ends its process with all that it has started, and counts as failed; those behind it are made by another. It knows nothing of
tasks, and runs no check itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import subprocess
import sys
import time
from asyncio import Future, Task, TimerHandle, Transport
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import orjson

from sprints.check import CheckResult, Proof
from sprints.errors import CheckerFailed
from sprints.lineage import end_lineage

__all__ = ["Checkers"]

#: Processes at most, however many cores there are: agents need them too.
PROCESSES = 4
#: Checks that one process is asked at once, which hides the way there and back. Those by command come one by one: each is a
#: process of its own, and none waits behind one that hangs.
WINDOW = 32
#: Bytes of checks that are on their way to one process, and of one check: what a task may answer at most.
WINDOW_BYTES, ASKED_BYTES = 1 << 20, 16 << 20
#: Bytes of one answer; it says why in at most a thousand characters.
ANSWER_BYTES = 1 << 16
#: Seconds that a process has to start, and to load a library.
START_S = 30.0
#: Processes that may end one after the other before any of them has answered.
STARTS = 3
#: How often a check may end its process by other means than time; it may be innocent once.
DEATHS = 2


class _Batch:
    """Checks that somebody waits for together."""

    def __init__(self, count: int, done: Future[None]) -> None:
        self.results: list[CheckResult | None] = [None] * count
        self.left = count
        self.done = done

    def settle(self, place: int, result: CheckResult) -> None:
        """One of them has ended."""
        self.results[place] = result
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True)
class _Asked:
    """One check of a batch. deaths: processes that ended while it ran."""

    batch: _Batch
    place: int
    number: int
    line: bytes
    timeout_s: float
    is_command: bool
    deaths: int = 0


class _Checker(asyncio.Protocol):
    """One process, from its start to its end."""

    def __init__(self, owner: Checkers, process: subprocess.Popen[bytes]) -> None:
        self._owner = owner
        self.process = process
        self.asked: deque[_Asked] = deque()
        self.bytes = 0
        self.is_ready = self.is_ending = self.is_late = False
        self._since_s = time.monotonic()
        self._due_s = math.inf
        self._rest = b""
        self._unsent = bytearray()
        self._transport: Transport | None = None
        self._timer: TimerHandle | None = None
        self.pidfd = os.pidfd_open(process.pid)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be asked."""
        self._transport = cast(Transport, transport)
        if self.is_ending:
            self._transport.abort()
        else:
            self._look()

    def has_room_for(self, one: _Asked) -> bool:
        """Whether it may be asked this one too."""
        if not self.is_ready or self.is_ending:
            return False
        if not self.asked:
            return True
        is_alone = one.is_command or self.asked[-1].is_command
        return not is_alone and len(self.asked) < WINDOW and self.bytes + len(one.line) <= WINDOW_BYTES

    def ask(self, one: _Asked) -> None:
        """Have this check made after those before it, once it is sent."""
        if not self.asked:
            self._since_s = time.monotonic()
        self.asked.append(one)
        self.bytes += len(one.line)
        self._unsent += one.line

    def send(self) -> None:
        """Have on its way what it was asked."""
        if self._unsent and self._transport is not None:
            self._transport.write(bytes(self._unsent))
            self._unsent.clear()
            self._look()

    def data_received(self, data: bytes) -> None:
        """Take in answers, which come in the order of the checks."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self.is_ending or not self._take(line):
                self._owner.end(self)
                return
        if len(self._rest) > ANSWER_BYTES:
            self._owner.end(self)
        elif lines:
            self._since_s = time.monotonic()
            if self.asked and self._since_s + self.asked[0].timeout_s < self._due_s:
                self._look()
            self._owner.feed()

    def _take(self, line: bytes) -> bool:
        """Whether it is one of the protocol."""
        try:
            number, why = orjson.loads(line)
        except ValueError:
            return False
        if number == 0:
            self.is_ready = True
            return True
        if not self.asked or self.asked[0].number != number:
            return False
        one = self.asked.popleft()
        self.bytes -= len(one.line)
        one.batch.settle(one.place, CheckResult(why is None, why))
        return True

    def _look(self) -> None:
        """Whether the check that it makes now has had its time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due_s = math.inf
        if self.is_ending or (self.is_ready and not self.asked):
            return
        left_s = self._since_s + (self.asked[0].timeout_s if self.is_ready else START_S) - time.monotonic()
        if left_s <= 0:
            self.is_late = True
            self._owner.end(self)
        else:
            self._due_s = time.monotonic() + left_s
            self._timer = asyncio.get_running_loop().call_later(left_s, self._look)

    def close(self) -> None:
        """It has ended: give its descriptors back."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        os.close(self.pidfd)


class Checkers:
    """Processes that make checks.

    folder: the work folder.  path: added to `sys.path` for checks by `call`.  held: the sprint's folder, which they hold while
    they live; empty for none.  most: processes.
    """

    def __init__(self, folder: str, path: Sequence[str] = (), *, held: str = "", most: int | None = None) -> None:
        self._argv = [sys.executable, "-P", "-m", "sprints.checker", held, folder, *path]
        self._most = most or min(PROCESSES, len(os.sched_getaffinity(0)))
        self._queue: deque[_Asked] = deque()
        self._checkers: list[_Checker] = []
        self._tasks: set[Task[None]] = set()
        self._starting = self._stillborn = self._number = 0
        self._is_closed = False

    @property
    def pids(self) -> list[int]:
        """The processes that there are."""
        return [one.process.pid for one in self._checkers]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def results(self, proofs: Sequence[Proof]) -> list[CheckResult]:
        """Make checks; their results in the same order.

        Raises CheckerFailed where no process can be had for them.
        """
        batch = _Batch(len(proofs), asyncio.get_running_loop().create_future())
        for place, proof in enumerate(proofs):
            self._add(batch, place, proof)
        if batch.left:
            self.feed()
            await batch.done
        return [result for result in batch.results if result is not None]

    def _add(self, batch: _Batch, place: int, proof: Proof) -> None:
        self._number += 1
        check = proof.check
        equals = [check.equals] if check.has_equals else []
        try:
            line = orjson.dumps(
                [self._number, check.kind, check.what, equals, proof.value, proof.facts], option=orjson.OPT_APPEND_NEWLINE
            )
        except TypeError as error:
            batch.settle(place, CheckResult(False, f"the answer cannot be checked: {error}"))
            return
        if len(line) > ASKED_BYTES:
            batch.settle(
                place,
                CheckResult(False, f"the answer cannot be checked: with {len(line)} bytes it has more than {ASKED_BYTES}"),
            )
            return
        self._queue.append(_Asked(batch, place, self._number, line, check.timeout_s, check.kind == "command"))

    # -- processes -----------------------------------------------------------------------------------------------------

    def feed(self) -> None:
        """Hand out what waits to those that have room; have one more process where none has."""
        for checker in self._checkers:
            while self._queue and checker.has_room_for(self._queue[0]):
                one = self._queue.popleft()
                if not one.batch.done.done():  # else nobody waits for it any more
                    checker.ask(one)
            checker.send()
        alive = sum(not one.is_ending for one in self._checkers)
        if self._queue and not self._starting and alive < self._most and not self._is_closed:
            self._starting += 1
            self._keep(self._start())

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = subprocess.Popen(self._argv, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: ASYNC220 - it is a fork, and waits for nothing
        except OSError as error:
            ours.close()
            self._starting -= 1
            self._give_up(f"no process can be started for checks: {error.strerror}")
            return
        checker = _Checker(self, process)
        self._checkers.append(checker)
        self._starting -= 1
        loop.add_reader(checker.pidfd, self.end, checker)
        await loop.create_unix_connection(lambda: checker, sock=ours)
        if self._is_closed:
            self.end(checker)

    def end(self, checker: _Checker) -> None:
        """Have a process ended, with all that it has started, or seen that it has."""
        if not checker.is_ending:
            checker.is_ending = True
            asyncio.get_running_loop().remove_reader(checker.pidfd)
            self._keep(self._end(checker))

    async def _end(self, checker: _Checker) -> None:
        await asyncio.to_thread(end_lineage, checker.process.pid)
        code = await asyncio.to_thread(checker.process.wait)
        self._checkers.remove(checker)
        checker.close()
        if checker.is_ready:
            self._stillborn = 0
            self._charge(checker)
        else:
            self._stillborn += 1
        self._queue.extendleft(reversed(checker.asked))
        if self._stillborn >= STARTS:
            self._stillborn = 0
            self._give_up(f"{STARTS} processes for checks ended before they could begin, the last with exit code {code}")
        self.feed()

    def _charge(self, checker: _Checker) -> None:
        """What the end of a process means for the check that it made."""
        if not checker.asked:
            return
        one = checker.asked[0]
        one.deaths += 1
        if checker.is_late:
            why = f"it took longer than {one.timeout_s:g} s, and was killed with all that it had started"
        elif one.deaths >= DEATHS:
            why = f"it ended the process that it ran in, {one.deaths} times"
        else:
            return
        checker.asked.popleft()
        one.batch.settle(one.place, CheckResult(False, why))

    def _give_up(self, message: str) -> None:
        for one in self._queue:
            if not one.batch.done.done():
                one.batch.done.set_exception(CheckerFailed(message))
        self._queue.clear()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End all processes; who still waits for results gets CheckerFailed."""
        self._is_closed = True
        self._give_up("the checks were stopped")
        for checker in list(self._checkers):
            for one in checker.asked:
                if not one.batch.done.done():
                    one.batch.done.set_exception(CheckerFailed("the checks were stopped"))
            self.end(checker)
        while self._tasks:
            with contextlib.suppress(OSError):
                await asyncio.gather(*self._tasks)
