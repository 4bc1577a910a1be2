"""Lines of tasks in, lines of results out.

Owns what a line means: which task it is, what its result is called, and what is said about a line that is no task. The bytes
come from an `Intake` and go to an `Outlet`; the tasks go through whatever `map_batches` it is given.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import orjson

from engine.cli.intake import Intake, TooLong
from engine.cli.outlet import Outlet
from engine.cli.taskline import NotTask, read_task
from engine.errors import BadLine, LinkClosed
from engine.submission import Called, Submission
from pools.result import Batch

__all__ = ["Flow", "MapBatches"]

#: From tasks to batches of results, as `Client.map_batches`.
MapBatches = Callable[[AsyncIterable[Any]], AsyncGenerator[Batch, None]]


class Flow:
    """One run over the lines of an intake.

    complain: told each line that is not a task.  The counts may be read at any time: `sent` tasks were given on, of which
    `done` and `failed` have ended; `bad` lines were none; `taken_bytes` of the input belong to all of them.
    """

    def __init__(self, intake: Intake, outlet: Outlet, complain: Callable[[BadLine], None]) -> None:
        self._intake = intake
        self._outlet = outlet
        self._complain = complain
        self._refused = bytearray()
        self.sent = self.done = self.failed = self.bad = self.taken_bytes = 0
        #: Whether the engine went away while it had tasks.
        self.is_cut = False

    @property
    def ended(self) -> int:
        """Tasks that have ended."""
        return self.done + self.failed

    async def run(self, map_batches: MapBatches) -> None:
        """Send every task and write every result. Raises OSError where reading or writing fails, BrokenPipeError."""
        async with aclosing(map_batches(self._tasks())) as batches:
            async for batch in batches:
                await self._outlet.put(self._rendered(batch))
        await self._outlet.flush()

    def _rendered(self, batch: Batch) -> bytearray:
        """The lines of a batch."""
        out = bytearray()
        failures = batch.failures
        self.done += len(batch) - len(failures)
        self.failed += len(failures)
        for at, (name, value) in enumerate(zip(batch.ids, batch.values, strict=True)):
            line = {"id": name, "ok": True, "value": value}
            if at in failures:
                line = {"id": line["id"], "ok": False, "error": failures[at].as_dict()}
            out += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if failures and any(failure.type == LinkClosed.__name__ for failure in failures.values()):
            self.is_cut = True
            self._intake.close()
        return out

    async def _tasks(self) -> AsyncIterator[tuple[Any, ...]]:
        """The tasks of the lines; one that is not called by its place among them has its name with it."""
        at = 0
        async for lines in self._intake.lines():
            for line in lines:
                at += 1
                if isinstance(line, TooLong):
                    self._refuse(at, None, f"longer than {self._intake.most_bytes:,} bytes")
                    continue
                self.taken_bytes += len(line) + 1
                if not line or line.isspace():
                    continue
                task = self._task(line, at)
                if task is not None:
                    self.sent += 1
                    yield task
            if self._refused:
                refused, self._refused = self._refused, bytearray()
                await self._outlet.put(refused)

    def _task(self, line: bytes, at: int) -> tuple[Any, ...] | None:
        """The task of a line; None, with everything said, where it is none."""
        try:
            name, task = read_task(line)
        except NotTask as error:
            self._refuse(at, error.name, str(error))
            return None
        if name is None:
            name = at - 1
        if isinstance(task, Submission):
            return task._replace(name=name)
        return task if type(name) is int and name == self.sent else Called(name, task)

    def _refuse(self, at: int, name: Any, message: str) -> None:
        """Answer a line that is not a task, and go on."""
        self.bad += 1
        self._complain(BadLine(message, line=at))
        line = {"line": at} | ({} if name is None else {"id": name})
        line |= {"ok": False, "error": {"type": BadLine.__name__, "message": message}}
        self._refused += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
