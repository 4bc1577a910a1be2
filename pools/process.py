"""One worker's process, from outside: its socket, its pid, its end.

Owns the descriptors that tie it to the engine. How it is made is `forkserver`'s; it restarts nothing and knows no task.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator

__all__ = ["WorkerProcess"]

#: Bytes that the kernel holds for a worker that is busy: several frames, so that neither side waits for the other.
SOCKET_BYTES = 1 << 20


class WorkerProcess:
    """A process that runs `pools.worker`, with a socket to it, from before it is born until it has ended.

    It belongs to no pool until it is told so: what it is to hold comes over its socket. It ends when its lifeline is cut, a
    pipe of which the engine holds the other end: also when it hangs, and also when the engine is killed.
    pid: told once it is born.  wait: waits for news of it, where nobody watches it in a loop.
    """

    def __init__(self, wait: Callable[[], None]) -> None:
        self.pid: int | None = None
        #: Whether it has not ended, as far as was seen.
        self.is_alive = True
        self._wait = wait
        self._status: int | None = None
        self._is_doomed = False
        self._pidfd = -1
        self._on_born: Callable[[int], None] | None = None
        self._on_exit: Callable[[int | None], None] | None = None
        self.socket, self._far_socket = socket.socketpair()
        for end in (self.socket, self._far_socket):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self.socket.setblocking(False)
        self._far_lifeline, self._lifeline = os.pipe2(os.O_CLOEXEC)

    @contextlib.contextmanager
    def far_ends(self) -> Iterator[list[int]]:
        """The process's own descriptors, to be sent to where it is born; closed here afterwards."""
        try:
            yield [self._far_socket.fileno(), self._far_lifeline]
        except BaseException:
            self._cut()
            self.socket.close()
            raise
        finally:
            self._far_socket.close()
            os.close(self._far_lifeline)

    def watch(self, loop: AbstractEventLoop, on_born: Callable[[int], None], on_exit: Callable[[int | None], None]) -> None:
        """Call on_born once with the pid, and on_exit once with the exit status, negative for a signal, None if unknown."""
        self._on_born, self._on_exit = on_born, on_exit
        if self.pid is not None:
            loop.call_soon(on_born, self.pid)
        if not self.is_alive:
            loop.call_soon(on_exit, self._status)

    def born(self, pid: int, pidfd: int) -> None:
        """It runs from now on."""
        self.pid, self._pidfd = pid, pidfd
        if self._is_doomed:
            self.kill()
        elif self._on_born is not None:
            self._on_born(pid)

    def ended(self, status: int | None) -> None:
        """It runs no more."""
        self.is_alive = False
        self._status = status
        self._cut()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if self._on_exit is not None:
            self._on_exit(status)

    def orphaned(self, loop: AbstractEventLoop | None) -> None:
        """Where it was forked from is gone: nobody tells of its end any more."""
        if self._pidfd < 0:
            self.ended(None)
        elif loop is not None:
            loop.add_reader(self._pidfd, self._seen_to_end, loop)

    def _seen_to_end(self, loop: AbstractEventLoop) -> None:
        loop.remove_reader(self._pidfd)
        self.ended(None)

    def send_signal(self, number: int) -> None:
        """Send the process a signal; nothing where it has ended, is not born yet, or has as many as the kernel keeps."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError, BlockingIOError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """End the process at once. Its death is told by on_exit like any other."""
        self._is_doomed = True
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._cut()

    def _cut(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def discard(self) -> None:
        """End a process that nobody watches, and give back all that it took."""
        self.kill()
        self._wait()
        if self._pidfd >= 0:
            ended = select.poll()
            ended.register(self._pidfd, select.POLLIN)
            ended.poll()
            self.ended(None)
        self.socket.close()
