"""Accepted tasks for a kind, with foresight: the agent of each attempt is chosen when it may begin; its end is learned from.

Owns which case each attempt has. Where tasks are written down, and what one waits for, is not known here: who accepts them
tells when one begins, waits, or has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from engine.foreseen import Case, Foreseen
from engine.task import Ending, Task
from pools.address import Key
from pools.errors import Failure

__all__ = ["Promised"]


class Promised:
    """The accepted tasks of one engine that were sent to a kind."""

    def __init__(self, foreseen: Foreseen) -> None:
        self._foreseen = foreseen
        #: Of the attempts that are under way: as many at most as tasks may be open.
        self._cases: dict[int, Case] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def choose(self, task: Task) -> Key:
        """An agent of its kind for the next attempt of a task. An attempt before has failed. Raises PoolError.

        It is never split, as it has one end under one number; its number says whether it is one of the control group.
        """
        if task.tries:
            self._learn(task.number, Failure(task.tries[-1].type, ""))
        argument = None if task.argument is None else orjson.loads(task.argument)
        need = {"mem_bytes": task.options.memory_bytes} if task.options.memory_bytes else {}
        kind = task.agent.partition("/")[0]
        judged = self._foreseen.judge(kind, task.method, argument, number=task.number, need=need, may_split=False)
        self._cases[task.number] = judged.case
        return judged.key

    def accepted(self, tasks: Iterable[Task]) -> None:
        """Note tasks that were accepted: the conflict of those that wait for others is resolved, they run behind them."""
        waiting = sum([task.state == "waiting" for task in tasks if task.after])
        if waiting:
            self._foreseen.resolved(waiting)

    def ended(self, endings: Iterable[Ending]) -> None:
        """Learn from the ends of tasks."""
        for ending in endings:
            self._learn(ending.task.number, ending.error)

    def _learn(self, number: int, failure: Failure | None) -> None:
        case = self._cases.pop(number, None)
        if case is not None:
            self._foreseen.learn(case, 1, () if failure is None else (failure,))
