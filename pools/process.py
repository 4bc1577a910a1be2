"""One worker's process, from outside: how it is started, how its death is seen.

Owns the plain subprocess, its inherited descriptors and its pidfd. It restarts nothing and knows no task.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["WorkerProcess"]

#: The folder that holds this package, for a child that was not installed beside it.
ROOT = str(Path(__file__).resolve().parent.parent)
#: Bytes that the kernel holds for a worker that is busy: several frames, so that neither side waits for the other.
SOCKET_BYTES = 1 << 20


class WorkerProcess:
    """A child process that runs `pools.worker`, with a socket to it.

    gauges: the descriptor of the table, rows its length, row this worker's place in it.
    output: where its standard output and error go; None leaves both on this process's standard error.
    on_exit: called once with the exit status, negative for a signal.
    """

    def __init__(
        self,
        *,
        gauges: int,
        rows: int,
        row: int,
        environ: Mapping[str, str],
        output: int | None,
        on_exit: Callable[[WorkerProcess, int], None],
    ) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self.socket = ours
        ours.setblocking(False)
        path = os.pathsep.join(filter(None, (ROOT, environ.get("PYTHONPATH"))))
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "pools.worker", *map(str, (theirs.fileno(), gauges, rows, row))],
                stdin=subprocess.DEVNULL,
                stdout=2 if output is None else output,
                stderr=None if output is None else output,
                pass_fds=(theirs.fileno(), gauges),
                env={**environ, "PYTHONPATH": path},
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._child.pid
        self._on_exit = on_exit
        self._pidfd = os.pidfd_open(self.pid)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call on_exit when the process ends."""
        loop.add_reader(self._pidfd, self._ended, loop)

    def _ended(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._on_exit(self, self._child.wait())

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, as far as was seen."""
        return self._pidfd >= 0

    def kill(self) -> None:
        """End the process at once. Its death is told by on_exit like any other."""
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end without a loop; returns whether it ended."""
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True
