"""A writer that comes back: a worker that was stopped while another process was given its shards, and then goes on.

The engine prevents it four times: who forked the workers kills them when the engine is gone, a lifeline does, a lock keeps
others away as long as one of them lives, and each process that opens a log has a segment of its own. Here the first three are
taken away, as accidents may do it: the zygote is killed, the lifeline's other end is held, the lock's file is removed. The
fourth alone must do."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["haunt"]

#: Seconds in which tasks gather at the worker that was stopped, that the next one has to itself, and that the first one gets to
#: write late and to end.
GATHER_S, AWAY_S, END_S = 0.1, 0.5, 5.0
LOG = re.compile(r"/\d{8}\.log$")


def haunt(engine: int, zygotes: list[psutil.Process], worker: int, start: Callable[[], None]) -> bool:
    """Stop a worker, kill its engine, start another, let the worker go on; returns whether it wrote after it was replaced.

    start: starts the engine anew, and returns when its workers have opened their logs.
    """
    files = _open_files(worker)
    lock = next((path for path in files.values() if path.endswith("/LOCK")), None)
    if lock is None or not any(map(LOG.search, files.values())):
        return False  # it has not begun
    with ExitStack() as held:
        for zygote in zygotes:
            zygote.kill()
            zygote.wait(END_S)  # its death would wake a worker that was stopped before, and end it
        os.kill(worker, signal.SIGSTOP)
        log = next((number for number, path in _open_files(worker).items() if LOG.search(path)), None)
        if log is None:
            return False  # it was just about to begin the next one
        held.callback(_end, worker)
        for pipe in {path for path in files.values() if path.startswith("pipe:")}:
            _hold(engine, pipe, held)
        time.sleep(GATHER_S)
        Path(lock).unlink()
        os.kill(engine, signal.SIGKILL)
        start()
        time.sleep(AWAY_S)
        descriptor = os.open(f"/proc/{worker}/fd/{log}", os.O_RDONLY)
        held.callback(os.close, descriptor)
        before = os.fstat(descriptor)
        os.kill(worker, signal.SIGCONT)
        with suppress(psutil.Error):
            psutil.Process(worker).wait(END_S)
        after = os.fstat(descriptor)
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def _open_files(pid: int) -> dict[str, str]:
    """What a process has open, by number."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found[entry.name] = str(entry.readlink()).removesuffix(" (deleted)")
    return found


def _hold(engine: int, pipe: str, held: ExitStack) -> None:
    """Hold the writing end that an engine has of a pipe."""
    for number, path in _open_files(engine).items():
        if path == pipe:
            with suppress(OSError):
                held.callback(os.close, os.open(f"/proc/{engine}/fd/{number}", os.O_WRONLY))


def _end(worker: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
