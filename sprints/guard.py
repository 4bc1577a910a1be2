"""The guard of a process that runs what others wrote for a sprint: with it, or with the engine, ends all that it has started.

Owns that process's end, and the hold on the sprint's folder: while it lives nobody goes on with the sprint, so nothing of it
runs twice at once, also where the engine was killed. It is the parent, and runs nobody's code. The engine is known by its end
of a socket, which nobody else has. Who is asked to end (SIGTERM) ends all of it too.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from collections.abc import Callable
from typing import NoReturn

from sprints.lineage import adopt, die_with_parent, end_descendants, end_lineage

__all__ = ["is_left", "stand_guard"]


def is_left(folder: str) -> bool:
    """Whether no guard holds this folder. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def stand_guard(work: Callable[[], NoReturn], tie: int | None, held: str, *, spares_done: bool = False) -> NoReturn:
    """Have the work done in a child, and leave nothing behind once that has ended, or the engine.

    tie: the socket to the engine; None where the work goes on without it.  held: the folder of the sprint; empty for none.
    spares_done: what a child that ended well has started may go on.  Ends this process as the child ended.
    """
    adopt()
    descriptor = os.open(held, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if held else None
    if descriptor is not None:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    watched = select.poll()
    if tie is not None:
        watched.register(tie, 0)  # a hang-up is told unasked
        if watched.poll(0):  # somebody else may go on with the sprint already
            os._exit(1)
    asked, asks = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(asks)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    child = os.fork()
    if not child:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if descriptor is not None:
            os.close(descriptor)
        die_with_parent()
        adopt()
        work()
    ended = os.pidfd_open(child)
    for end in (ended, asked):
        watched.register(end, select.POLLIN)
    ready = dict(watched.poll())
    is_spared = spares_done and ready.keys() == {ended} and _has_ended_well(child)
    if not is_spared:
        end_lineage(child)
    _, status = os.waitpid(child, 0)
    if not is_spared:
        end_descendants(os.getpid())
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _has_ended_well(child: int) -> bool:
    """Wait for its end, and leave it to be waited for."""
    ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    return ended is not None and ended.si_status == 0
