"""One worker's process, from outside: how it is started, how its death is seen.

Owns the plain subprocess, its inherited descriptors and its pidfd. It restarts nothing and knows no task.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

__all__ = ["WorkerProcess"]

#: The folder that holds this package, for a child that was not installed beside it.
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib takes 4 ms to load
#: Bytes that the kernel holds for a worker that is busy: several frames, so that neither side waits for the other.
SOCKET_BYTES = 1 << 20


class WorkerProcess:
    """A child process that runs `pools.worker`, with a socket to it.

    It belongs to no pool until it is told so: what it is to hold comes over its socket.
    gauges: the descriptor of the table, rows its length.
    output: where its standard output and error go; None leaves both on this process's standard error.
    """

    def __init__(
        self,
        *,
        gauges: int,
        rows: int,
        environ: Mapping[str, str],
        output: int | None,
    ) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self.socket = ours
        ours.setblocking(False)
        path = os.pathsep.join(filter(None, (ROOT, environ.get("PYTHONPATH"))))
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "pools.worker", *map(str, (theirs.fileno(), gauges, rows))],
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
        self._pidfd = os.pidfd_open(self.pid)

    def watch(self, loop: AbstractEventLoop, on_exit: Callable[[int], None]) -> None:
        """Call on_exit once when the process ends, with its exit status, negative for a signal."""
        loop.add_reader(self._pidfd, self._ended, loop, on_exit)

    def _ended(self, loop: AbstractEventLoop, on_exit: Callable[[int], None]) -> None:
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        on_exit(self._child.wait())

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, as far as was seen."""
        return self._pidfd >= 0

    def kill(self) -> None:
        """End the process at once. Its death is told by on_exit like any other."""
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def discard(self) -> None:
        """End a process that nobody watches, and give back all that it took."""
        self.kill()
        self._child.wait()
        os.close(self._pidfd)
        self._pidfd = -1
        self.socket.close()
