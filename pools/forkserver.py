"""The engine's hold on the process that workers are forked from (`zygote`).

Owns that process, started anew when it is needed and gone, and the news of its forks. The workers outlive it: then their
ends are seen by their pidfds, and what they ended with stays unknown. Loads no event loop.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from pools.process import WorkerProcess

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping

__all__ = ["ROOT", "ForkServer"]

#: The folder that holds this package, for a child that was not installed beside it.
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib takes 4 ms to load
#: Bytes of the longest answer, and those that the kernel holds of requests and answers: over 1,000 of either.
ANSWER_BYTES, CONTROL_BYTES = 64, 1 << 20


class ForkServer:
    """Where worker processes come from.

    gauges: the descriptor of the table, rows its length.  environ: what the workers inherit.  is_kept: whether they keep state.
    output: where their standard output and error go; None leaves both on this process's standard error.
    is_heard: it is a pipe, and what reads it knows what workers say (`hearing`).
    """

    def __init__(
        self, *, gauges: int, rows: int, environ: Mapping[str, str], output: int | None, is_kept: bool, is_heard: bool = False
    ) -> None:
        self._gauges = gauges
        self._rows = rows
        self._environ = environ
        self._output = output
        self._words = (*(("kept",) if is_kept else ()), *(("heard",) if is_heard else ()))
        self._numbers = count(1)
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._forks: dict[int, WorkerProcess] = {}
        self._loop: AbstractEventLoop | None = None

    @property
    def pid(self) -> int | None:
        """The process that workers are forked from, while there is one."""
        return self._zygote.pid if self._zygote is not None else None

    def fork(self) -> WorkerProcess:
        """Ask for a worker's process; its pid is told later. Raises OSError where none can be started."""
        if self._zygote is None:
            self._start()
        number = next(self._numbers)
        process = WorkerProcess(partial(self._wait_for, number))
        with process.far_ends() as descriptors:
            self._request(number, descriptors)
        self._forks[number] = process
        return process

    def _request(self, number: int, descriptors: list[int]) -> None:
        """Send a request; to a new zygote where the last one has just gone."""
        for is_last in (False, True):
            try:
                if self._control is not None:
                    socket.send_fds(self._control, [str(number).encode()], descriptors)
            except (BrokenPipeError, ConnectionResetError):
                self._lose()
                if is_last:
                    raise
                self._start()
            else:
                return

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CONTROL_BYTES)
        path = os.pathsep.join(filter(None, (ROOT, self._environ.get("PYTHONPATH"))))
        try:
            self._zygote = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "pools.zygote",
                    *map(str, (theirs.fileno(), self._gauges, self._rows)),
                    *self._words,
                ],
                stdin=subprocess.DEVNULL,
                stdout=2 if self._output is None else self._output,
                stderr=None if self._output is None else self._output,
                pass_fds=(theirs.fileno(), self._gauges),
                env={**self._environ, "PYTHONPATH": path},
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._control = ours
        if self._loop is not None:
            self._loop.add_reader(ours, self._read)

    # -- news ----------------------------------------------------------------------------------------------------------

    def watch(self, loop: AbstractEventLoop) -> None:
        """Hear of the forks in a loop from now on."""
        if self._loop is None:
            self._loop = loop
            if self._control is not None:
                loop.add_reader(self._control, self._read)

    def _read(self) -> None:
        """Take one answer, which is there."""
        control = self._control
        if control is None:
            return
        try:
            answer, descriptors, _, _ = socket.recv_fds(control, ANSWER_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            answer = b""
        if not answer:
            self._lose()
            return
        what, number, fact = answer.decode().split()
        process = self._forks[int(number)]
        if what == "born":
            process.born(int(fact), descriptors[0])
        else:
            del self._forks[int(number)]
            process.ended(int(fact) if what == "ended" else None)

    def _lose(self) -> None:
        """The zygote is gone: its forks live on, those that it did not make yet never will."""
        control, zygote = self._control, self._zygote
        if control is None or zygote is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(control)
        control.close()
        self._control, self._zygote = None, None
        zygote.kill()
        zygote.wait()
        forks, self._forks = self._forks, {}
        for process in forks.values():
            process.orphaned(self._loop)

    def _wait_for(self, number: int) -> None:
        """Wait until a fork has ended."""
        while number in self._forks and self._control is not None:
            news = select.poll()
            news.register(self._control, select.POLLIN)
            news.poll()
            self._read()

    def close(self) -> None:
        """End the zygote, and every fork that still lives with it."""
        control, zygote = self._control, self._zygote
        if control is None or zygote is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(control)
        self._control, self._zygote = None, None
        control.close()
        zygote.wait()
