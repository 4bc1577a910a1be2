"""The tasks of a caller, read as they are given, and sent as far as there is room.

Owns the reading: of tuples and task lines, of iterables of both sorts. Tasks with conditions go through an agenda, made for the
first of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from engine.lull import lull
from engine.options import Options, Reference, name_of, priority_of, references_of
from engine.sheet import sheets_of
from engine.submission import LINE, Called, Submission, submission_of, task_of
from pools.errors import PoolError
from pools.ranked import NORMAL, PRIORITIES
from pools.spec import FRAME_TASKS
from pools.stream import Stream

if TYPE_CHECKING:
    from engine.agenda import Agenda
    from engine.places import Places
    from engine.tally import Tally

__all__ = ["Awaited", "Feed", "Iterated", "feed_of"]

#: Fields of a line that says all in few words: how it goes first, and what it waits for.
SIMPLE = LINE | {"priority", "after"}
#: What such a line asks for, by its priority.
RANKED = tuple(Options(priority=priority) for priority in PRIORITIES)


class Feed:
    """Sends the caller's tasks as they were given."""

    is_done = False

    def __init__(self, stream: Stream, tally: Tally, places: Places | None = None) -> None:
        self._stream = stream
        self._places = places
        self._tally = tally
        self._number = 0
        #: Tasks that are worth a chunk. Lines of several priorities leave in a section each, which should not be small.
        self._least = FRAME_TASKS
        #: What holds tasks back; None while no task came that others may wait for.
        self.agenda: Agenda | None = None

    def send(self, chunk: list[Any]) -> None:
        """Send a chunk of tasks as they were given."""
        self._tally.accept(len(chunk))
        if set(map(type, chunk)) != {tuple}:
            with lull():
                self._send_mixed(chunk)
            return
        try:
            self._stream.send(range(self._number, self._number + len(chunk)), chunk)
        except IndexError:
            self._send_mixed(chunk)
        else:
            self._number += len(chunk)

    def _send_mixed(self, chunk: list[Any]) -> None:
        """Send what is not all tuples: with what is free of conditions, in common frames."""
        agenda = self.agenda or self._agenda()
        self._least = 2 * FRAME_TASKS
        with self._stream.together():
            sheets, rest = sheets_of(chunk, self._number)
            for sheet in sheets:
                agenda.opened(sheet.tokens)
                columns = sheet.tokens, (), sheet.methods, sheet.arguments
                self._stream.place(sheet.addresses, columns, sheet.priority, is_plain=sheet.is_plain)
            if rest:
                self._send_singly([(self._number + at, chunk[at]) for at in rest], agenda)
            agenda.flush()
        self._number += len(chunk)

    def _send_singly(self, lines: list[tuple[int, Any]], agenda: Agenda) -> None:
        """Send tasks that are looked at one by one, each with its number."""
        ready: dict[int, tuple[list[Any], list[Any]]] = {}
        held: list[tuple[Submission, Any]] = []
        waiting: list[tuple[Reference, tuple[Any, ...], tuple[Reference, ...], int]] = []
        for number, line in lines:
            priority = NORMAL
            try:
                if type(line) is Called:
                    name, task = line
                elif type(line) is Submission or (type(line) is dict and not line.keys() <= SIMPLE):
                    submission = submission_of(line)
                    held.append((submission, number if submission.name is None else submission.name))
                    continue
                else:
                    name, task = task_of(line, SIMPLE)
                    if type(line) is dict and "priority" in line:
                        priority = priority_of(line["priority"])
                    if type(line) is dict and "after" in line:
                        waiting.append((_name(name, number), task, references_of(line["after"]), priority))
                        continue
            except PoolError as error:
                given = line.get("id") if type(line) is dict else None
                self._stream.refuse(number if given is None else given, error)
                continue
            if priority not in ready:
                ready[priority] = [], []
            tokens, tasks = ready[priority]
            tokens.append(number if name is None else name)
            tasks.append(task)
        for priority in sorted(ready, reverse=True):
            tokens, tasks = ready[priority]
            agenda.opened(tokens)
            self._stream.send(tokens, tasks, priority)
        for name, task, after, priority in waiting:
            agenda.hold(name, task, after, RANKED[priority])
        for submission, name in held:
            agenda.add(submission, name)

    def _end(self) -> None:
        """No more tasks come."""
        self.is_done = True
        if self.agenda is not None:
            self.agenda.is_last = True
            self.agenda.flush()

    def _agenda(self) -> Agenda:
        from engine.agenda import Agenda

        self.agenda = Agenda(self._stream, asyncio.get_running_loop(), Random(), self._places)
        return self.agenda


def _name(name: Any, number: int) -> Reference:
    """What others may call a task that waits. Raises BadArgument."""
    return number if name is None else name_of('an "id"', name)


class Iterated(Feed):
    """Reads the tasks of a plain iterable as far as there is room."""

    def __init__(self, tasks: Iterable[Any], stream: Stream, tally: Tally, places: Places | None) -> None:
        super().__init__(stream, tally, places)
        self._source = iter(tasks)
        self._half = max(stream.room // 2, 1)

    def fill(self) -> None:
        """Send what fits; no more than one chunk while answers wait to be taken."""
        stream = self._stream
        while not self.is_done and (room := stream.room) >= min(self._least, self._half):
            chunk = list(islice(self._source, min(room, 2 * self._least)))
            if not chunk:
                self._end()
                return
            self.send(chunk)
            if stream.ready:
                return

    async def close(self) -> None:
        """Nothing to end."""


class Awaited(Feed):
    """Reads the tasks of an async iterable in a task of its own; those of one turn of the loop share their frames."""

    def __init__(
        self, tasks: AsyncIterable[Any], stream: Stream, tally: Tally, wake: Callable[[], None], places: Places | None
    ) -> None:
        super().__init__(stream, tally, places)
        self._chunk: list[Any] = []
        self._space = asyncio.Event()
        self._reader = asyncio.get_running_loop().create_task(self._read(tasks))
        self._reader.add_done_callback(lambda _done: self._finish(wake))

    def _finish(self, wake: Callable[[], None]) -> None:
        self._end()
        wake()

    def fill(self) -> None:
        """Let the reader go on."""
        self._space.set()

    def _flush(self) -> None:
        if self._chunk:
            taken, self._chunk = self._chunk, []
            self.send(taken)

    async def _read(self, tasks: AsyncIterable[Any]) -> None:
        loop = asyncio.get_running_loop()
        async for task in tasks:
            if not self._chunk:
                loop.call_soon(self._flush)
            self._chunk.append(task)
            if len(self._chunk) >= self._stream.room:
                self._flush()
            while self._stream.room <= 0:
                self._space.clear()
                await self._space.wait()
        self._flush()

    async def close(self) -> None:
        """End the reader. Raises what the caller's iterable raised."""
        if not self._reader.done():
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if not self._reader.cancelled():
            self._reader.result()


def feed_of(
    tasks: Iterable[Any] | AsyncIterable[Any],
    stream: Stream,
    tally: Tally,
    wake: Callable[[], None],
    places: Places | None = None,
) -> Iterated | Awaited:
    """The reader of some tasks. wake: called when it has read them all.  places: as for an agenda."""
    if isinstance(tasks, AsyncIterable):
        return Awaited(tasks, stream, tally, wake, places)
    return Iterated(tasks, stream, tally, places)
