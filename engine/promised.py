"""Accepted tasks for a kind, with foresight: the agent of each is chosen when it is accepted, and its end is learned from.

Owns which case each open task has. Where tasks are written down, and what one waits for, is not known here: who accepts them
tells when one begins and how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.foreseen import Case, Foreseen, Judged
from pools.errors import Failure

__all__ = ["Promised"]

_NOTHING: Mapping[str, float] = {}


class Promised:
    """The accepted tasks of one engine that were sent to a kind."""

    def __init__(self, foreseen: Foreseen) -> None:
        self._foreseen = foreseen
        self._cases: dict[int, Case] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def choose(
        self,
        kind: str,
        method: str,
        argument: Any,
        *,
        need: Mapping[str, float] = _NOTHING,
        after: Sequence[str] = (),
        state_of: Callable[[str], str | None] = lambda _task: None,
        after_of: Callable[[str], Iterable[str]] = lambda _task: (),
    ) -> Judged:
        """The agent of a task, which stays the same one however often it is offered, and what has to end before.

        As `Foreseen.judge`; it is never split, as it has one end under one number.  Raises PoolError, BadArgument.
        """
        return self._foreseen.judge(
            kind, method, argument, need=need, after=after, state_of=state_of, after_of=after_of, may_split=False
        )

    def begin(self, number: int, case: Case) -> None:
        """Remember the case of a task that was accepted."""
        self._cases[number] = case

    def end(self, number: int, failure: Failure | None) -> None:
        """Learn from the end of a task; of one that nothing is known of, nothing."""
        case = self._cases.pop(number, None)
        if case is not None:
            self._foreseen.learn(case, 1, () if failure is None else (failure,))
