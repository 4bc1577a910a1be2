"""Lines of tasks in, the ids under which they were accepted out: what `submit` and `run --detach` do.

Owns what is said about a line that is no task, and the end of it. Accepting is the engine's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from engine import errors
from engine.cli import figures
from engine.cli.intake import Intake, TooLong
from engine.cli.interrupt import Interrupt
from engine.cli.outlet import Outlet
from engine.cli.output import hint
from engine.cli.taskline import NotTask, read_submission
from engine.errors import BadLine, SubmitStopped
from engine.options import PLAIN, Options
from engine.submission import SUBMIT_TASKS

if TYPE_CHECKING:
    from engine.client import Client
    from engine.submission import Submission

__all__ = ["hand_over"]

SCHEMA = "engine.submit/v1"
#: Seconds after the first Ctrl-C in which what was sent may still be accepted.
GRACE_S = 0.5


class _Handover:
    """Some tasks on their way: those of the next submission, with what each is called."""

    def __init__(self, client: Client, outlet: Outlet, defaults: Options) -> None:
        self._client = client
        self._defaults = defaults
        self._outlet = outlet
        self._names: list[Any] = []
        self._tasks: list[Submission] = []
        self.accepted = self.bad = 0

    async def run(self, intake: Intake) -> None:
        """Hand over every line. Raises SubmitStopped, having said which were accepted."""
        at = 0
        async for lines in intake.lines():
            refused = bytearray()
            for line in lines:
                at += 1
                if isinstance(line, TooLong):
                    refused += self._refused(at, None, f"longer than {intake.most_bytes:,} bytes")
                elif line and not line.isspace():
                    try:
                        task = read_submission(line, self._defaults)
                    except NotTask as error:
                        refused += self._refused(at, error.name, str(error))
                        continue
                    self._names.append(at - 1 if task.name is None else task.name)
                    self._tasks.append(task)
            if refused:
                await self._outlet.put(refused)
            while len(self._tasks) >= SUBMIT_TASKS:
                await self._submit(SUBMIT_TASKS)
            await self._submit(len(self._tasks))

    def _refused(self, at: int, name: Any, message: str) -> bytes:
        self.bad += 1
        line = {"line": at} | ({} if name is None else {"id": name})
        line |= {"ok": False, "error": {"type": BadLine.__name__, "message": message}}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    async def _submit(self, count: int) -> None:
        if not count:
            return
        tasks, self._tasks = self._tasks[:count], self._tasks[count:]
        names, self._names = self._names[:count], self._names[count:]
        try:
            ids = await self._client.submit(tasks)
        except SubmitStopped as stopped:
            await self._say(names, stopped.ids)
            raise
        await self._say(names, ids)

    async def _say(self, names: list[Any], ids: list[str]) -> None:
        self.accepted += len(ids)
        out = bytearray()
        for name, task in zip(names, ids, strict=False):
            out += orjson.dumps({"id": name, "task": task}, option=orjson.OPT_APPEND_NEWLINE)
        await self._outlet.put(out)


async def hand_over(client: Client, options: Namespace, descriptor: int, defaults: Options | None = None) -> int:
    """Have the tasks of a descriptor accepted; returns the exit code. Raises what the engine refused them with.

    defaults: the options of what a line does not say.
    """
    intake, outlet = Intake(descriptor), Outlet(sys.stdout.fileno())
    handover = _Handover(client, outlet, defaults or PLAIN)
    job = asyncio.ensure_future(handover.run(intake))
    interrupt = Interrupt(intake.close, job.cancel, GRACE_S)
    try:
        with suppress(asyncio.CancelledError):
            await job
    finally:
        interrupt.forget()
        with suppress(asyncio.CancelledError):
            await outlet.flush()
        _say_end(options, handover)
    if interrupt.code is not None:
        return interrupt.code
    return errors.FAILED if handover.bad else errors.DONE


def _say_end(options: Namespace, handover: _Handover) -> None:
    if options.json:
        facts = {"schema": SCHEMA, "accepted": handover.accepted, "bad_lines": handover.bad}
        print(json.dumps(facts), file=sys.stderr)
        return
    bad = f", {figures.plural(handover.bad, 'bad line')}" if handover.bad else ""
    hint(options, f"engine: {figures.plural(handover.accepted, 'task')} accepted{bad}; see: engine tasks")
