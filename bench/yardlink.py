"""One worker of a yardstick as its client sees it: the process, the connection, and one pass of tasks over it. `yardstick` has
two of them; `yardworker` is the other side."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.frames import Frames
from bench.yardworker import FORMS

if TYPE_CHECKING:
    from types import ModuleType

    from bench.tasks import TaskList

__all__ = ["FRAME_TASKS", "ROOT", "WINDOW_FRAMES", "Flight", "Link"]

#: tasks in one frame.
FRAME_TASKS = 512

#: frames on their way to one worker or back; 4 x 512 tasks in flight a worker.
WINDOW_FRAMES = 4

#: bytes of a socket's send buffer, so that a frame is one write.
SEND_BUFFER_BYTES = 1 << 20

#: seconds until a worker whose socket was closed must have ended.
STOP_TIMEOUT_S = 5.0

#: where `python -m bench...` is started.
ROOT = Path(__file__).resolve().parent.parent


class Link:
    """One worker process and the connection to it."""

    def __init__(self, form: str) -> None:
        self.form: ModuleType = FORMS[form]
        self._sock, theirs = socket.socketpair()
        for sock in (self._sock, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            sock.setblocking(False)
        argv = [sys.executable, "-m", "bench.yardworker", form, str(theirs.fileno())]
        self.process = subprocess.Popen(argv, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()
        self._waiting: asyncio.Future[Any] | None = None
        self._frames: Frames | None = None
        self.on_reply = self.resolve

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._frames = await loop.create_unix_connection(
            lambda: Frames(lambda _, reply: self.on_reply(reply), self._lost), sock=self._sock
        )

    @property
    def frames(self) -> Frames:
        """The connection.  Raises ConnectionError before `connect`."""
        if self._frames is None:
            raise ConnectionError("the yardstick is not connected")
        return self._frames

    async def ask(self, frame: Any) -> Any:
        """Send one frame and wait for its answer.  Raises ConnectionError when the worker is gone."""
        self.frames.send(frame)
        return await self.expect()

    def expect(self) -> asyncio.Future[Any]:
        """A future for what `resolve` is given next."""
        self._waiting = asyncio.get_running_loop().create_future()
        if not self.frames.is_open:
            self._lost()
        return self._waiting

    def resolve(self, reply: Any) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)

    def _lost(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"worker {self.process.pid} of the yardstick is gone"))

    def close(self) -> None:
        if self._frames is None:
            self._sock.close()
        else:
            self._frames.close()

    def join(self) -> None:
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Flight:
    """One pass of tasks over one worker: a reply calls for the next frame, and no task has a future of its own."""

    def __init__(self, link: Link, tasks: TaskList) -> None:
        self._link = link
        self._tasks = tasks
        self._sent = self._done = 0
        self.got: list[Any] = [None] * len(tasks)

    async def finish(self) -> None:
        """Keep frames on their way until each task has its reply.  Raises ConnectionError when the worker is gone."""
        if not len(self._tasks):
            return
        self._link.on_reply, before = self._on_reply, self._link.on_reply
        end = self._link.expect()
        for _ in range(WINDOW_FRAMES):
            self._push()
        try:
            await end
        finally:
            self._link.on_reply = before

    def _push(self) -> None:
        start, self._sent = self._sent, min(self._sent + FRAME_TASKS, len(self._tasks))
        if start < self._sent:
            self._link.frames.send(self._link.form.pack(self._tasks.calls[start : self._sent], start))

    def _on_reply(self, reply: Any) -> None:
        self._done += self._link.form.keep(self.got, self._done, reply)
        self._push()
        if self._done == len(self._tasks):
            self._link.resolve(None)
