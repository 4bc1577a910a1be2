"""What the log hears of tasks that failed.

Owns the rule that one sort of failure is told once a minute, with the traceback of the user's own code. A log that cannot be
written to harms nobody.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from pools.errors import Failure, PoolError, failure_of
from pools.events import ERROR, WARNING
from pools.kind import Kind
from pools.method import Method
from pools.speech import mouth_of

__all__ = ["Complaints", "note", "say"]

#: Seconds in which a sort of failure is told once, and the sorts that are remembered.
QUIET_S, SORTS = 60, 1_000
_OURS = ("/pools/attempt.py", "/pools/effects.py", "/pools/executor.py", "/pools/turns.py")


def say(text: str, name: str = "worker.said", level: str = WARNING) -> None:
    """Have something in the log, if it can be written. name, level: of the event, where the engine hears of those."""
    mouth = mouth_of(sys.stderr)
    if mouth is not None:
        mouth.say(name, text, level)
        return
    if sys.stderr is None:  # closed before this process began
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def note(address: str, task_id: str, text: str, level: str) -> None:
    """Have something in the log that an agent says."""
    mouth = mouth_of(sys.stderr)
    if mouth is None:
        say(f"{address} [{task_id}] {text}")
    else:
        mouth.say("agent.log", text, level, mouth.whose()._replace(agent=address, task=task_id))


class Complaints:
    """The failures of a worker. clock_ns: monotonic nanoseconds."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._told: dict[tuple[str, str, str], int] = {}

    def failure(self, kind: Kind, method: Method | None, error: BaseException) -> Failure:
        """The failure that stands for an error; the user's own errors go to the log."""
        if not isinstance(error, PoolError):
            sort = (kind.name, method.name if method else "", type(error).__name__)
            now_s = self._clock_ns() // 1_000_000_000
            if now_s - self._told.get(sort, -QUIET_S) >= QUIET_S:
                if len(self._told) >= SORTS:
                    self._told.clear()
                self._told[sort] = now_s
                say(_trace(kind, method, error), "task.failed", ERROR)
        return failure_of(error)


def _trace(kind: Kind, method: Method | None, error: BaseException) -> str:
    """The traceback of a failed task, from the agent's own code on."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.endswith(_OURS)]
    head = f"{kind.name}.{method.name if method else '?'} failed (told once a minute):"
    return f"{head}\n{''.join(traceback.format_list(frames))}{type(error).__name__}: {failure_of(error).message}"
