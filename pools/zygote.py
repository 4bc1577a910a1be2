"""The process that workers are forked from: an interpreter takes longer to start than a worker has to live without.

Owns the forks, and the news of how they ended. It loads what every worker needs and runs nobody's agents, so that a fork
begins clean; kinds are loaded after it, by each worker for itself. Started as `python -P -m pools.zygote CONTROL GAUGES ROWS
[kept] [heard]`, the first two being inherited descriptors; it ends when the other end of CONTROL is closed, and its forks with
it. With `kept` it loads what keeps state too: that takes longer than all else between a worker's death and the next one's first
answer. With `heard` its standard error is a pipe to the engine, which hears what the forks say.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

__all__ = ["Zygote", "main"]

#: Objects that are made between two looks for garbage: agents come by the hundred thousand, and none of them is any.
YOUNG = 10_000
#: Bytes of the longest request.
REQUEST_BYTES = 64


class Zygote:
    """Forks a worker for each request.

    control: a socket of sequenced packets. A request is a number, with the worker's socket and its lifeline as descriptors.
    Answered with `born NUMBER PID` and a pidfd, later `ended NUMBER STATUS` (negative for a signal), or `failed NUMBER ERRNO`.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        #: Number and process of each fork that lives, by its pidfd.
        self._living: dict[int, tuple[str, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def next_worker(self) -> tuple[int, int]:
        """Fork; returns in each fork, with the descriptors of its socket and its lifeline. Ends the process that forks."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._living:
                    self._bury(descriptor)
                    continue
                try:
                    request, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
                except ConnectionResetError:  # the engine was killed before it had read all that was said to it
                    self._end()
                if not request:
                    self._end()
                if self._fork(request.decode(), descriptors):
                    self._control.close()
                    for living in self._living:
                        os.close(living)
                    return descriptors[0], descriptors[1]

    def _fork(self, number: str, descriptors: list[int]) -> bool:
        """Whether this is the fork."""
        try:
            pid = os.fork()
            if not pid:
                return True
        except OSError as error:
            self._say(f"failed {number} {error.errno}")
        else:
            pidfd = os.pidfd_open(pid)
            self._living[pidfd] = (number, pid)
            self._poll.register(pidfd, select.POLLIN)
            self._say(f"born {number} {pid}", pidfd)
        for descriptor in descriptors:
            os.close(descriptor)
        return False

    def _bury(self, pidfd: int) -> None:
        number, pid = self._living.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        self._say(f"ended {number} {os.waitstatus_to_exitcode(status)}")

    def _say(self, text: str, *descriptors: int) -> None:
        with contextlib.suppress(OSError):  # the engine is gone: the next request says so
            socket.send_fds(self._control, [text.encode()], descriptors)

    def _end(self) -> NoReturn:
        for pidfd in self._living:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        for _, pid in self._living.values():
            os.waitpid(pid, 0)
        os._exit(0)


def main() -> None:
    """Fork workers, and be one in each fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # nothing that is loaded is garbage
    from pools import entrance

    numbers, words = sys.argv[1:4], sys.argv[4:]
    if "kept" in words:
        from pools import ledger, opening, outbox, redelivery  # noqa: F401 - for the forks
    gc.freeze()  # the forks share these objects' pages as long as nobody writes there
    gc.enable()
    gc.set_threshold(YOUNG)
    control, gauges, rows = map(int, numbers)
    channel, lifeline = Zygote(socket.socket(fileno=control)).next_worker()
    entrance.main(channel, lifeline, gauges, rows, is_heard="heard" in words)


if __name__ == "__main__":
    main()
