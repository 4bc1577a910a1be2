"""A task that its sender holds back, and what it becomes when it leaves.

Owns how far it is: whether it is on its way, how often it was tried, until when it is of use. When it leaves is the agenda's.
"""

from __future__ import annotations

from typing import Any

from engine.options import Options, Reference
from engine.places import Want
from engine.submission import Submission
from pools.errors import Failure, TaskExpired, failure_of
from pools.lane import Named

__all__ = ["Demand", "task_of"]


class Demand:
    """A task with conditions. due_s: when it expires, on the loop's clock; None for never.  want: what chooses its agent."""

    __slots__ = ("attempts", "due_s", "is_early", "is_late", "is_out", "name", "options", "retried", "task", "want")

    def __init__(
        self, name: Reference, task: tuple[Any, ...], options: Options, due_s: float | None, want: Want | None
    ) -> None:
        self.want = want
        self.name = name
        self.task = task
        self.options = options
        self.due_s = due_s
        self.retried = self.attempts = 0
        #: Whether it has to wait for its time; whether it is on its way; whether it was taken back, as its time was over.
        self.is_early = options.delay_s > 0
        self.is_out = self.is_late = False

    def until_s(self, now_s: float) -> float | None:
        """Until when an attempt that leaves now is of use; None for any time."""
        limit_s = self.options.timeout_s
        if limit_s is None:
            return self.due_s
        return now_s + limit_s if self.due_s is None else min(self.due_s, now_s + limit_s)

    def late(self) -> Failure:
        """Why it has failed, as its time is over."""
        limit_s = self.options.timeout_s
        said = "within its time" if limit_s is None else f"within {limit_s:g} s"
        return failure_of(TaskExpired(f"no answer {said}"))


def task_of(submission: Submission) -> tuple[Any, ...]:
    """A task as a stream takes it."""
    address, method, argument = submission.address, submission.method, submission.argument
    if argument is None:
        return address, method
    if type(argument) is list:
        return address, method, *argument
    return address, method, Named(argument) if type(argument) is dict else argument
