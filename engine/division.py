"""Accepted tasks that are done in parts: split by an agent of their kind, each part offered by itself, joined in their order.

Owns where each of them stands. Whatever it is done in is written down under a number of its own before it is offered, and
forgotten with the end of the task. So nothing of it is run twice where workers keep what they did: after a restart each part
is asked for again under its number, and who has done it says what came of it.
"""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import orjson

from engine.desk import Desk
from engine.errors import IntakeFull
from engine.journal import Journal
from engine.offers import Offers
from engine.register import Register
from engine.task import Ending, Task, exact
from pools.effects import summed
from pools.errors import Failure, PoolError, TaskCancelled, TaskExpired, failure_of
from pools.foresight import split_task
from pools.lane import BARE

__all__ = ["Division"]

#: Tasks that are in parts at once: with 1,000 parts each they are as many as tasks are read in some turns. The rest waits.
DIVIDED = 64
#: Seconds until parts are written down again that a full disk refused.
AGAIN_S = 1.0

Calls = Sequence[tuple[str, bytes | None]]


class _Whole:
    """A task in parts. out: those that are offered and have not ended.  failure: of the first that failed, and its state."""

    __slots__ = ("failure", "is_given_up", "is_writing", "out", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.out: dict[Task, None] = {}
        self.failure: tuple[str, Failure] | None = None
        self.is_writing = self.is_given_up = False


class Division:
    """The tasks of one engine that are in parts. ended: told how they ended.  wall_s: seconds since 1970."""

    def __init__(
        self,
        register: Register,
        journal: Journal,
        offers: Offers,
        *,
        desk: Desk,
        ended: Callable[[list[Ending]], None],
        wall_s: Callable[[], float],
    ) -> None:
        self._register = register
        self._journal = journal
        self._offers = offers
        self._desk = desk
        self._ended = ended
        self._wall_s = wall_s
        self._wholes: dict[Task, _Whole] = {}
        self._waiting: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._wholes)

    # -- a task begins -------------------------------------------------------------------------------------------------

    def begin(self, task: Task) -> None:
        """Do a task in parts, or the next ones that were begun before the engine was started, where they had stopped."""
        self._waiting.append(task)
        self._begin_next()

    def _begin_next(self) -> None:
        while self._waiting and len(self._wholes) < DIVIDED:
            task = self._waiting.popleft()
            if task.is_ending:
                continue
            one = self._wholes[task] = _Whole(task)
            task.state, task.started_s, task.progress = "running", self._wall_s(), None
            task.attempts += 1
            if task.parts is None:
                self._write(one, [("split", orjson.dumps([task.method, _given(task)]))])
            else:
                self._offer(one, task.parts if len(task.parts) == 1 else task.parts[1:-1])

    def _write(self, one: _Whole, calls: Calls) -> None:
        """Write down what a task is done in next; then it is offered."""
        try:
            draft = self._register.divide(one.task, calls)
        except PoolError as error:
            self._fail(one, "failed", failure_of(error))
            return
        one.is_writing = True
        self._journal.accept(draft).add_done_callback(partial(self._written, one, calls))

    def _written(self, one: _Whole, calls: Calls, written: Future[None]) -> None:
        error = None if written.cancelled() else written.exception()
        if isinstance(error, IntakeFull) and one.task.wish is None:
            self._desk.call_later(AGAIN_S, lambda: self._write(one, calls))
        elif error is None or isinstance(error, IntakeFull):
            one.is_writing = False
            if one.task.wish is not None:
                self._go_on(one)
            elif one.task.parts is not None:
                self._offer(one, one.task.parts[:1] if len(calls) == 1 else one.task.parts[1:-1])

    def _offer(self, one: _Whole, parts: Iterable[Task]) -> None:
        one.out = dict.fromkeys(parts)
        self._offers.put([*one.out])

    # -- its parts end -------------------------------------------------------------------------------------------------

    def ended(self, endings: Iterable[Ending]) -> None:
        """Take the ends of parts."""
        for part, state, ended_s, value, error, effects, ran_s in endings:
            part.state, part.ended_s, part.value = state, ended_s, value
            part.effects, part.ran_s = effects, ran_s
            one = None if part.whole is None else self._wholes.get(part.whole)
            if one is None or part not in one.out:
                continue
            del one.out[part]
            if state == "done":
                self._go_on(one)
            else:
                self._fail(one, state, _said(part, error or Failure(state, "")))

    def _fail(self, one: _Whole, state: str, failure: Failure) -> None:
        """The first part that fails is the end of the task."""
        one.failure = one.failure or (state, failure)
        self._go_on(one)

    def _go_on(self, one: _Whole) -> None:
        task, parts = one.task, one.task.parts or []
        if one.failure is not None or task.wish is not None:
            if one.out and not one.is_given_up:
                one.is_given_up = True
                self._offers.take_back([*one.out], "cancelled")
            elif not one.out and not one.is_writing and task in self._wholes:
                self._end(one)
        elif one.out:
            task.progress = 1.0 - len(one.out) / max(len(parts) - 2, 1)
        elif len(parts) == 1:
            self._was_split(one, parts[0])
        elif parts[-1].state == "done":
            self._end(one)
        else:
            parts[-1].argument = _results(task.method, parts[1:-1])
            self._offer(one, parts[-1:])

    def _was_split(self, one: _Whole, splitter: Task) -> None:
        task = one.task
        try:
            found = split_task(orjson.loads(splitter.value or b"null"))
        except PoolError as error:
            self._fail(one, "failed", failure_of(error))
            return
        if len(found) > 1:
            calls = [(task.method, None if each is None else exact(each)) for each in found]
            self._write(one, [*calls, ("join", None)])
            return
        self._leave(task)
        task.attempts -= 1
        self._offers.put([task])

    def _end(self, one: _Whole) -> None:
        task, now_s, value = one.task, self._wall_s(), (one.task.parts or [one.task])[-1].value
        self._leave(task)
        if one.failure is not None and task.wish is None:
            state, failure = one.failure
        elif task.wish == "expired":
            state, failure = task.wish, failure_of(TaskExpired(f"it was not done within {task.deadline_s:g} s, in parts"))
        elif task.wish is not None:
            state, failure = "cancelled", failure_of(TaskCancelled("it was taken back while its parts ran"))
        else:
            self._ended([_counted(task.end("done", now_s, value=value))])
            return
        self._ended([task.end(state, now_s, error=failure)])

    def _leave(self, task: Task) -> None:
        del self._wholes[task]
        self._desk.call_soon(self._begin_next)

    # -- it is taken back ----------------------------------------------------------------------------------------------

    def take_back(self, task: Task, wish: str) -> bool:
        """End a task as `wish` once none of its parts is out; returns whether it is in parts."""
        one = self._wholes.get(task)
        if one is None:
            return False
        if task.wish is None:
            task.wish = wish
            self._go_on(one)
        return True


def _counted(ending: Ending) -> Ending:
    """The end of a task with what its parts and their join have changed, and how long they ran together, where it is counted.

    The split is not among them: after a restart it is not asked for again.
    """
    parts = [part for part in (ending.task.parts or [])[1:] if part.effects is not None]
    if not parts:
        return ending
    effects = summed(part.effects or {} for part in parts)
    return ending._replace(effects=effects, ran_s=sum(part.ran_s or 0.0 for part in parts))


def _given(task: Task) -> object:
    """What `split` gets: the arguments as a list, or by name."""
    argument = None if task.argument is None else orjson.loads(task.argument)
    return argument if type(argument) is dict else [argument] if type(argument) in BARE else argument or []


def _results(method: str, parts: Iterable[Task]) -> bytes:
    """What `join` gets."""
    return b"[%b,[%b]]" % (orjson.dumps(method), b",".join([part.value or b"null" for part in parts]))


def _said(part: Task, failure: Failure) -> Failure:
    """Why a task failed: which of its parts did."""
    parts = [] if part.whole is None else (part.whole.parts or [])[1:-1]
    if part not in parts:
        return failure
    return failure._replace(message=f"part {parts.index(part) + 1} of {len(parts)}: {failure.message}")
