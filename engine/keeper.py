"""The keeper: a small process that starts a daemon again when it died.

Owns the watch over its child, the backoff and its bound, and the lock that tells that there is a keeper. A daemon that ended in
order was stopped on purpose: then the keeper ends too. It is forked before anything large is loaded, and does nothing but wait.
How a daemon is started is handed in.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Callable
from random import Random
from typing import Any

from engine.paths import Paths, has_open
from pools.restarts import RestartBudget
from pools.title import entitle

__all__ = ["Keeper", "end_keeper", "keeper_of"]

#: Deaths within so many seconds after which it gives up: an engine that cannot live is not started for ever.
RESTARTS, WINDOW_S = 5, 60.0
#: Seconds of life after which earlier deaths are forgiven.
WELL_S = 30.0
#: Seconds that a keeper has to end when it is asked to.
END_S = 2.0


class Keeper:
    """The keeper of one engine; its methods run in its process.

    start: forks a daemon; returns its pid and what it said: `ready …`, or why it could not start.  The first is given what
    there is to do, a later one why the one before ended.  log: writes a line into the engine's log.
    """

    def __init__(
        self, paths: Paths, start: Callable[[str], tuple[int, bytes]], log: Callable[[str, str], None], chance: Random
    ) -> None:
        self._paths = paths
        self._start = start
        self._log = log
        self._budget = RestartBudget(chance, restarts=RESTARTS, window_s=WINDOW_S)
        self._restarts = 0
        self.lock = os.open(paths.keeper, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def keep(self, ready: Callable[[bytes], None]) -> int:
        """Start the daemon, and again whenever it dies; returns the exit code once it was stopped or cannot live.

        ready: told what the first daemon said.
        """
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: os._exit(0))
        entitle("engine", "keeper", "--name", self._paths.name)
        self._tell()
        pid, said = self._start("")
        ready(said)
        if not said.startswith(b"ready "):
            _status_of(pid)
            return 4
        while True:
            began_s = time.monotonic()
            status = _status_of(pid)
            if status == 0:
                return 0
            how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            wait_s = self._budget.died(time.monotonic(), has_worked=time.monotonic() - began_s > WELL_S)
            if wait_s is None:
                self._log("keeper.gave_up", f"the engine ended ({how}) more than {RESTARTS} times in {WINDOW_S:.0f} s")
                return 4
            self._log("engine.died", f"{how}; it is started again in {wait_s:.2f} s")
            time.sleep(wait_s)
            pid = self._again(how)
            if not pid:
                return 0

    def _again(self, how: str) -> int:
        """Start the next daemon; returns its pid, 0 where somebody else has started one."""
        self._restarts += 1
        self._tell()
        pid, said = self._start(f"it had ended ({how}), and was started again by its keeper, pid {os.getpid()}")
        if pid and not said.startswith(b"ready "):
            self._log("keeper.failed", f"it did not start: {said.decode(errors='replace') or 'it said nothing'}"[:2_000])
        return pid

    def _tell(self) -> None:
        text = json.dumps({"pid": os.getpid(), "restarts": self._restarts}).encode()
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, text, 0)


def _status_of(pid: int) -> int:
    """How a child ended, once it has: its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def keeper_of(paths: Paths) -> dict[str, Any] | None:
    """The keeper of an engine: its pid and how often it has started the engine again; None where there is none."""
    try:
        descriptor = os.open(paths.keeper, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError):
            facts: dict[str, Any] = json.loads(os.pread(descriptor, 4_096, 0))
            return facts
    finally:
        os.close(descriptor)
    return None


def end_keeper(paths: Paths) -> int | None:
    """End the keeper, and let the daemon live; returns its pid, None where there is none."""
    paths.check()
    facts = keeper_of(paths)
    if facts is None:
        return None
    try:
        handle = os.pidfd_open(facts["pid"])
    except OSError:
        return None
    try:
        if not has_open(facts["pid"], paths.keeper):
            return None
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        select.select([handle], [], [], END_S)
    finally:
        os.close(handle)
    return int(facts["pid"])
