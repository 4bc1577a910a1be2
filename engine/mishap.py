"""How a task ends that has not been done.

Owns which end a failure means, where somebody had taken the task back meanwhile. Whether it is tried again is decided before.
"""

from __future__ import annotations

from engine.task import Ending, Task
from pools.errors import Failure, MailboxFull, StoreFull, StoreStopped, TaskCancelled, TaskExpired, failure_of

__all__ = ["AGAIN", "UNKEPT", "UNSENT", "end_of"]

#: What a worker's disk means that takes no changes; and the failures after which a task is offered again as it was.
UNKEPT = frozenset({StoreFull.__name__, StoreStopped.__name__})
AGAIN = UNKEPT | {MailboxFull.__name__}
#: Why a task fails that was taken back where no worker had it.
UNSENT = failure_of(TaskCancelled("it was taken back before a worker had it"))


def end_of(task: Task, now_s: float, failure: Failure) -> Ending:
    """The end of a task by a failure. One that was taken back is not offered again for what else it met."""
    if task.wish is not None and failure.type in AGAIN:
        failure = Failure(TaskCancelled.__name__, failure.message)
    if failure.type == TaskCancelled.__name__ and task.wish == "expired":
        failure = Failure(TaskExpired.__name__, f"it was not done within {task.deadline_s:g} s: {failure.message}")
    state = {TaskCancelled.__name__: "cancelled", TaskExpired.__name__: "expired"}.get(failure.type, "failed")
    return task.end(state, now_s, error=failure)
