"""How an accepted task ends that was not done, and after which failures it has not been tried at all.

Owns the words and the states. Pure; whether it is tried again is the offers' business.
"""

from __future__ import annotations

from engine.task import Ending, Task
from pools.errors import (
    AgentMoving,
    Failure,
    LinkClosed,
    MailboxFull,
    PoolUnavailable,
    StoreFull,
    StoreStopped,
    TaskCancelled,
    TaskExpired,
    WorkerDied,
    failure_of,
)

__all__ = ["AGAIN", "CUT_OFF", "UNKEPT", "UNSENT", "undone"]

#: What a worker's end means for a task that nobody took back; it is found open when the engine starts again.
CUT_OFF = frozenset({WorkerDied.__name__, PoolUnavailable.__name__, LinkClosed.__name__})
#: What a worker's disk means that takes no changes; and the failures after which a task is offered again as it was.
UNKEPT = frozenset({StoreFull.__name__, StoreStopped.__name__})
AGAIN = UNKEPT | {AgentMoving.__name__, MailboxFull.__name__}
UNSENT = failure_of(TaskCancelled("it was taken back before a worker had it"))


def undone(task: Task, now_s: float, failure: Failure) -> Ending:
    """How a task ends that has not been done. One that was taken back is not offered again for what else it met."""
    if task.wish is not None and failure.type in AGAIN:
        failure = Failure(TaskCancelled.__name__, failure.message)
    if failure.type == TaskCancelled.__name__ and task.wish == "expired":
        failure = Failure(TaskExpired.__name__, f"it was not done within {task.deadline_s:g} s: {failure.message}")
    state = {TaskCancelled.__name__: "cancelled", TaskExpired.__name__: "expired"}.get(failure.type, "failed")
    return task.end(state, now_s, error=failure)
