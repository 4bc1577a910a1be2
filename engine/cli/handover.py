"""Lines of tasks in, the ids under which they were accepted out: what `submit` and `run --detach` do.

Owns what is said about a line that is no task, and the end of it. Accepting is the engine's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from engine import errors
from engine.cli import figures
from engine.cli.intake import Intake, TooLong
from engine.cli.interrupt import Interrupt
from engine.cli.listing import Listing
from engine.cli.outlet import Outlet
from engine.cli.output import hint
from engine.cli.progress import Progress
from engine.cli.taskfile import size_bytes
from engine.cli.taskline import NotTask, read_submission
from engine.errors import BadLine, DuplicateTask, FrameTooLarge, SubmitStopped, UnknownKind
from engine.options import PLAIN, Options
from engine.submission import SUBMIT_TASKS

if TYPE_CHECKING:
    from engine.client import Client
    from engine.submission import Submission

__all__ = ["hand_over"]

SCHEMA = "engine.submit/v1"
#: Seconds after the first Ctrl-C in which what was sent may still be accepted.
GRACE_S = 0.5
#: What is wrong with one task, and says nothing of those that came with it.
ALONE = (DuplicateTask, FrameTooLarge, UnknownKind)


class _Handover:
    """Some tasks on their way: those of the next submission, with their lines."""

    def __init__(self, client: Client, outlet: Outlet, defaults: Options) -> None:
        self._client = client
        self._defaults = defaults
        self._outlet = outlet
        self._tasks: list[Submission] = []
        self._lines: list[int] = []
        #: Why the first of the tasks was refused that were refused for themselves alone.
        self._refusal: Exception | None = None
        self.accepted = self.bad = self.sent = self.taken_bytes = self.failed = 0

    @property
    def done(self) -> int:
        """Tasks that were accepted."""
        return self.accepted

    @property
    def ended(self) -> int:
        """The same: nothing else is waited for."""
        return self.accepted

    async def run(self, intake: Intake) -> None:
        """Hand over every line. Raises SubmitStopped, or why a task was refused, having said which were accepted."""
        at = 0
        async for lines in intake.lines():
            refused = bytearray()
            for line in lines:
                at += 1
                self.taken_bytes += 0 if isinstance(line, TooLong) else len(line) + 1
                if isinstance(line, TooLong):
                    refused += self._refused(at, None, f"longer than {intake.most_bytes:,} bytes")
                elif line and not line.isspace():
                    try:
                        task = read_submission(line, self._defaults)
                    except NotTask as error:
                        refused += self._refused(at, error.name, str(error))
                        continue
                    self._lines.append(at)
                    self._tasks.append(task)
            if refused:
                await self._outlet.put(refused)
            tasks, numbers, self._tasks, self._lines = self._tasks, self._lines, [], []
            self.sent += len(tasks)
            for start in range(0, len(tasks), SUBMIT_TASKS):
                await self._submit(tasks[start : start + SUBMIT_TASKS], numbers[start : start + SUBMIT_TASKS])
        if self._refusal is not None:
            raise self._refusal

    def _refused(self, at: int, name: Any, message: str, error: str = BadLine.__name__) -> bytes:
        self.bad += 1
        line = {"line": at} | ({} if name is None else {"id": name})
        line |= {"ok": False, "error": {"type": error, "message": message}}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    async def _submit(self, tasks: list[Submission], lines: list[int]) -> None:
        """Hand over some tasks; one that is refused for itself alone is told of, and the others are accepted."""
        if not tasks:
            return
        try:
            ids = await self._client.submit(tasks)
        except SubmitStopped as stopped:
            count = len(stopped.ids)
            await self._say(tasks, lines, stopped.ids)
            if not isinstance(stopped.__cause__, ALONE):
                raise
            await self._submit(tasks[count:], lines[count:])
        except ALONE as error:
            if len(tasks) == 1:
                self._refusal = self._refusal or error
                await self._outlet.put(self._refused(lines[0], tasks[0].name, str(error), type(error).__name__))
                return
            half = len(tasks) // 2
            await self._submit(tasks[:half], lines[:half])
            await self._submit(tasks[half:], lines[half:])
        else:
            await self._say(tasks, lines, ids)

    async def _say(self, tasks: list[Submission], lines: list[int], ids: list[str]) -> None:
        self.accepted += len(ids)
        out = bytearray()
        for task, at, accepted in zip(tasks, lines, ids, strict=False):
            name = at - 1 if task.name is None else task.name
            out += orjson.dumps({"id": name, "task": accepted}, option=orjson.OPT_APPEND_NEWLINE)
        await self._outlet.put(out)


async def hand_over(client: Client, options: Namespace, descriptor: int, defaults: Options | None = None) -> int:
    """Have the tasks of a descriptor accepted; returns the exit code. Raises what the engine refused them with.

    defaults: the options of what a line does not say.
    """
    intake, outlet = Intake(descriptor), Outlet(sys.stdout.fileno(), Listing(options.output, SCHEMA, "tasks"))
    handover = _Handover(client, outlet, defaults or PLAIN)
    job = asyncio.ensure_future(handover.run(intake))
    progress = shown = None
    if not options.quiet and not options.json:
        progress = Progress(handover, size_bytes(descriptor), os.environ, no_colour=options.no_color, word="accepted")
        shown = asyncio.ensure_future(progress.show())
    interrupt = Interrupt(intake.close, job.cancel, GRACE_S)
    try:
        with suppress(asyncio.CancelledError):
            await job
    finally:
        interrupt.forget()
        with suppress(asyncio.CancelledError):
            await outlet.finish({"accepted": handover.accepted, "bad_lines": handover.bad})
        if shown is not None and progress is not None:
            shown.cancel()
            progress.clear()
        _say_end(options, handover)
    if interrupt.code is not None:
        return interrupt.code
    return errors.FAILED if handover.bad else errors.DONE


def _say_end(options: Namespace, handover: _Handover) -> None:
    bad = f", {figures.plural(handover.bad, 'bad line')}" if handover.bad else ""
    hint(options, f"engine: {figures.plural(handover.accepted, 'task')} accepted{bad}; see: engine tasks")
