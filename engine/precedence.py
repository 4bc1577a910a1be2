"""Accepted tasks that wait for others of a lower priority: what they wait for is run first, and it is known if that is of use.

Owns who is hastened, and for whom. A task waits for its dependencies in any case, its sender said so; what foresight adds is
that they, and what they wait for themselves, go with its priority. Some of these tasks, the control group, wait without that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.foreseen import SILENT, Foreseen
from engine.options import Reference
from engine.task import Ending, Task
from pools.errors import BadArgument
from pools.foresight import resolve_dependencies

__all__ = ["Precedence"]


class Precedence:
    """The dependencies of the accepted tasks of one engine.

    newest: the task that is called so, or has this id; None where it is not there.
    hasten: has tasks go as those of a priority do.
    """

    def __init__(
        self,
        foreseen: Foreseen | None,
        newest: Callable[[Reference], Task | None],
        hasten: Callable[[Iterable[Task], int], None],
    ) -> None:
        self._foreseen = foreseen
        self._newest = newest
        self._hasten = hasten
        #: Those in one of the groups that have not ended, by number.
        self._is_treated: dict[int, bool] = {}

    def __len__(self) -> int:
        return len(self._is_treated)

    def accepted(self, tasks: Iterable[Task]) -> None:
        """Have what accepted tasks wait for run first, where it would not."""
        foreseen = self._foreseen
        if foreseen is None:
            return
        for task in tasks:
            if not task.after or task.state != "waiting":
                continue
            first = self._behind(task)
            is_treated = foreseen.conflicted(task.number, is_late=bool(first))
            if is_treated is not None:
                self._is_treated[task.number] = is_treated
            if is_treated:
                self._hasten(first, task.urgency)

    def _behind(self, task: Task) -> list[Task]:
        """What a task waits for, however far, that would go later than it; what has to end first stands first."""
        found: dict[str, Task] = {}

        def keys_of(references: Iterable[Reference]) -> list[str]:
            others = {str(other.number): other for each in references if (other := self._newest(each)) is not None}
            found.update(others)
            return list(others)

        def state_of(key: str) -> str:
            other = found[key]
            return "done" if other.is_ending or other.ended_s is not None or other.urgency >= task.urgency else "open"

        try:
            order = resolve_dependencies(keys_of(task.after), state_of, lambda key: keys_of(found[key].after))
        except BadArgument:
            return []  # they are too many to be followed
        return [found[key] for key in order]

    def ended(self, endings: Iterable[Ending]) -> None:
        """Note how those in a group ended; who was taken back says nothing."""
        if not self._is_treated or self._foreseen is None:
            return
        for ending in endings:
            is_treated = self._is_treated.pop(ending.task.number, None)
            if is_treated is not None and (ending.error is None or ending.error.type not in SILENT):
                self._foreseen.trial.conflicts.ended(1, int(ending.error is not None), is_treated=is_treated)
