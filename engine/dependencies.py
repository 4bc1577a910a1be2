"""Which task waits for which, by what they are called.

Owns the graph of what has not ended yet, the refusal of a circle, and who is free once a task has ended. A task may wait for
one that nobody has submitted yet. Pure: tokens stand for tasks; what ended before is looked up by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from engine.errors import DependencyCycle
from engine.options import Options, Reference
from pools.errors import Failure

__all__ = ["DEPENDENCY_FAILED", "Dependencies", "unmet"]

#: The type of the failure of a task that waited for one that will not be done.
DEPENDENCY_FAILED = "DependencyFailed"

T = TypeVar("T", bound=Hashable)


class _Wait:
    """What one task waits for."""

    __slots__ = ("left", "name", "options", "references")

    def __init__(self, name: Reference | None, references: Sequence[Reference], options: Options) -> None:
        self.name = name
        self.references = references
        self.left = len(references)
        self.options = options


class Dependencies(Generic[T]):
    """The tasks that wait for others. look: how a task stands: `done`, `open`, one that ended otherwise, None if unknown.

    who: the task that a reference means which is not its name; None where tasks have nothing but names.
    """

    def __init__(self, look: Callable[[Reference], str | None], who: Callable[[Reference], T | None] | None = None) -> None:
        self._look = look
        self._who = who
        self._waits: dict[T, _Wait] = {}
        #: Who waits for a task, by what it is called; a dict, since any of many may be taken back.
        self._behind: dict[Reference, dict[T, None]] = {}
        #: The waiting task that is called so.
        self._named: dict[Reference, T] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def __bool__(self) -> bool:
        return bool(self._waits)

    def __iter__(self) -> Iterator[T]:
        return iter(self._waits)

    def __contains__(self, token: T) -> bool:
        return token in self._waits

    def add(
        self,
        token: T,
        name: Reference | None,
        after: Sequence[Reference],
        options: Options,
        also: Reference | None = None,
    ) -> Failure | bool:
        """Have a task wait: True if it does, False if it may begin, or why it will not be run.

        also: what else it is called.
        Raises DependencyCycle, naming the tasks of the circle, where it waits for itself; then nothing has changed.
        """
        left: Sequence[Reference] = after
        if not after or [*map(self._look, after)].count("open") < len(after):
            left, failure = unmet(after, options, self._look)
            if failure is not None:
                return failure
            if not left:
                return False
        if name is not None and (name in self._behind or name in left):
            self._check(name, left, also)
        elif also is not None and (also in self._behind or also in left):
            self._check(also if name is None else name, left, also)
        self._waits[token] = _Wait(name, left, options)
        if name is not None:
            self._named[name] = token
        for reference in left:
            behind = self._behind.get(reference)
            if behind is None:
                self._behind[reference] = {token: None}
            else:
                behind[token] = None
        return True

    def _check(self, name: Reference, references: Sequence[Reference], also: Reference | None) -> None:
        """Raises DependencyCycle if one of these waits in the end for the named one, which is called `also` too."""
        came_from: dict[Reference, Reference] = dict.fromkeys(references, name)
        ways = list(references)
        while ways:
            at = ways.pop()
            if at in (name, also):
                raise DependencyCycle(f"these wait for each other: {' -> '.join(_circle(name, at, came_from))}")
            for further in self._references_of(at):
                if further not in came_from:
                    came_from[further] = at
                    ways.append(further)

    def _references_of(self, reference: Reference) -> Sequence[Reference]:
        """What the task that is meant waits for."""
        waiting = self._named.get(reference)
        if waiting is None and self._who is not None:
            waiting = self._who(reference)
        return () if waiting is None or waiting not in self._waits else self._waits[waiting].references

    def waiting_for(self, token: T) -> list[Reference]:
        """What a task waits for still."""
        wait = self._waits.get(token)
        return [] if wait is None else [each for each in wait.references if token in self._behind.get(each, ())]

    def awaited(self, names: Sequence[Reference]) -> list[Reference]:
        """Those of some tasks that somebody waits for, each once; what cannot be a name is none."""
        try:
            return [*self._behind.keys() & names]
        except TypeError:  # one is called by a list
            return [name for name in names if type(name) in (int, str) and name in self._behind]

    def ended(self, name: Reference, state: str) -> tuple[list[T], list[tuple[T, Failure]]]:
        """A task has ended: who may begin now, and who will not be run because of it."""
        behind = self._behind.pop(name, None)
        if behind is None:
            return [], []
        if state == "done":
            return self._freed(behind), []
        free: list[T] = []
        lost: list[tuple[T, Failure]] = []
        kept: dict[T, None] = {}
        for token in behind:
            wait = self._waits[token]
            if state == "failed" and wait.options.after_failed == "wait":
                kept[token] = None
            elif wait.options.after_failed != "ignore":
                lost.append((token, failed(name, state)))
            else:
                wait.left -= 1
                if not wait.left:
                    free.append(token)
        if kept:
            self._behind[name] = kept
        for token in free:
            self._forget(token)
        for token, _ in lost:
            self.take_back(token)
        return free, lost

    def _freed(self, behind: Iterable[T]) -> list[T]:
        """Those that waited for nothing else than what is done now."""
        free: list[T] = []
        for token in behind:
            wait = self._waits[token]
            wait.left -= 1
            if not wait.left:
                free.append(token)
                del self._waits[token]
                if wait.name is not None:
                    self._named.pop(wait.name, None)
        return free

    def take_back(self, token: T) -> bool:
        """Have a task wait no more; returns whether it did."""
        wait = self._waits.get(token)
        if wait is None:
            return False
        for reference in wait.references:
            behind = self._behind.get(reference)
            if behind is not None and token in behind:
                del behind[token]
                if not behind:
                    del self._behind[reference]
        self._forget(token)
        return True

    def _forget(self, token: T) -> None:
        wait = self._waits.pop(token)
        if wait.name is not None:
            self._named.pop(wait.name, None)


def unmet(
    after: Sequence[Reference], options: Options, look: Callable[[Reference], str | None]
) -> tuple[Sequence[Reference], Failure | None]:
    """What of `after` must be waited for, and why the task will not be run, if one of them has ended badly or is not there."""
    left: list[Reference] = []
    for reference in after:
        state = look(reference)
        if state == "done":
            continue
        policy = _policy(state, options)
        if policy == "fail":
            return (), failed(reference, state)
        if policy == "wait":
            left.append(reference)
    return (after if len(left) == len(after) else left), None


def _policy(state: str | None, options: Options) -> str:
    if state in ("open", None):
        return "wait" if state else options.after_unknown
    if options.after_failed == "wait" and state != "failed":
        return "fail"  # only what has failed may be tried again
    return options.after_failed


def failed(name: Reference, state: str | None) -> Failure:
    """Why a task will not be run that waited for one that ended so, or is not there."""
    return Failure(DEPENDENCY_FAILED, f"it waits for {name!r}, which {'is not known' if state is None else f'is {state}'}")


def _circle(name: Reference, last: Reference, came_from: dict[Reference, Reference]) -> list[str]:
    way = [name, came_from[last]]
    while way[-1] != name:
        way.append(came_from[way[-1]])
    return [str(each) for each in reversed(way)]
