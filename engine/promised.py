"""Accepted tasks that name no agent: the agent of each attempt is chosen when it may begin; its end is learned from.

Owns which case each attempt has. Where tasks are written down, and what one waits for, is not known here: who accepts them
tells when one begins or has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from engine.foreseen import Case, Foreseen
from engine.options import ANYBODY
from engine.task import Ending, Task
from pools.address import ANY
from pools.errors import CircuitOpen, Failure, PoolError
from pools.history import Pair
from pools.routes import Routes

__all__ = ["Promised"]

#: Tasks that are alike from which on they are dealt together: below it there is nothing to be saved.
MANY = 8


class Promised:
    """The accepted tasks of one engine that name no agent.

    routes: choose for those that want skills, and for all where foreseen is None.
    """

    def __init__(self, routes: Routes, foreseen: Foreseen | None) -> None:
        self._routes = routes
        self._foreseen = foreseen
        #: Of the attempts that are under way, and how many were repeated before: as many at most as tasks may be open.
        self._cases: dict[int, tuple[Case, int]] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def choose_all(self, tasks: Sequence[Task]) -> list[str | PoolError | None]:
        """The same as `choose` for some tasks at once, in their order; an error in the place of one that cannot go anywhere.

        Of many that are alike the agents are chosen together, where nothing is to be feared of any.
        """
        alike: dict[Pair, list[int]] = {}
        for at, task in enumerate(tasks):
            if self._is_plain(task):
                alike.setdefault((task.agent, task.method), []).append(at)
        found: dict[int, str | PoolError | None] = {}
        for pair, places in alike.items():
            if len(places) >= MANY:
                found.update(zip(places, self._choose_some(pair, [tasks[at] for at in places]), strict=False))
        return [found[at] if at in found else self._chosen(task) for at, task in enumerate(tasks)]

    def _is_plain(self, task: Task) -> bool:
        """Whether nothing but its kind says who does a task, and it was not tried before."""
        options = task.options
        is_whole = task.whole is None and task.parts is None
        return is_whole and not options.skills and not options.memory_bytes and task.number not in self._cases

    def _choose_some(self, pair: Pair, tasks: Sequence[Task]) -> list[str]:
        """The addresses for tasks of a kind; none where each has to be looked at."""
        kind, foreseen = pair[0], self._foreseen
        try:
            keys = self._routes.choose_some(kind, len(tasks)) if foreseen is None or foreseen.is_clear(pair) else None
        except PoolError:
            keys = None
        if keys is None:
            return []
        if foreseen is not None:
            case = foreseen.clear_case(pair, len(tasks))
            self._cases.update((task.number, (case, task.retried)) for task in tasks)
        return [f"{kind}/{key}" for key in keys]

    def _chosen(self, task: Task) -> str | PoolError | None:
        try:
            return self.choose(task)
        except PoolError as error:
            return error

    def choose(self, task: Task) -> str | None:
        """The address of an agent for the next attempt of a task; None where it is to be done in parts. Raises PoolError.

        An attempt before has failed, or has not begun, since its agent could not have it then.
        Its number says whether it is one of the control group. What could not be split runs as it is.
        """
        if task.number in self._cases:
            has_failed = task.tries and task.retried > self._cases[task.number][1]
            self._learn(task.number, Failure(task.tries[-1].type if has_failed else CircuitOpen.__name__, ""))
        if task.options.skills:
            kind = None if task.agent == ANYBODY else task.agent
            (found,) = self._routes.resolve_skilled([frozenset(task.options.skills)], kind)
            if isinstance(found, PoolError):
                raise found
            return f"{found[1]}/{found[2]}"
        if self._foreseen is None:
            return f"{task.agent}/{self._routes.resolve_key(task.agent, ANY)[1]}"
        argument = None if task.argument is None else orjson.loads(task.argument)
        is_part, may_split = task.whole is not None, task.parts is None
        need = {"mem_bytes": task.options.memory_bytes} if task.options.memory_bytes and not is_part else {}
        judged = self._foreseen.judge(
            task.agent, task.method, argument, number=task.number, need=need, is_part=is_part, may_split=may_split
        )
        self._cases[task.number] = judged.case, task.retried
        return None if judged.is_split else judged.address

    def ended(self, endings: Iterable[Ending]) -> None:
        """Learn from the ends of tasks."""
        for ending in endings:
            self._learn(ending.task.number, ending.error)

    def _learn(self, number: int, failure: Failure | None) -> None:
        case, _ = self._cases.pop(number, (None, 0))
        if case is not None and self._foreseen is not None:
            self._foreseen.learn(case, 1, () if failure is None else (failure,))
