"""What an asyncio task waits for really: looked up when somebody has to know, at no cost for the task.

Owns the knowledge of how `await`, `gather`, `wait`, `as_completed`, `shield`, task groups and time limits look from outside. Of
a wait that it cannot explain it assumes that it ends by itself.
"""

from __future__ import annotations

import asyncio
import gc
from asyncio import Future, Task
from collections.abc import Iterable, Iterator, Mapping
from types import AsyncGeneratorType, CoroutineType, GeneratorType, MethodType
from typing import Any

from pools.watched import Watched

__all__ = ["awaited"]

#: Tasks and futures that are looked at for one task: past it nobody knows what it waits for.
MOST = 10_000
#: The coroutine in which `asyncio.wait` waits, and those of a task group, which have another name from Python 3.13 on.
_WAIT = getattr(asyncio.tasks, "_wait").__code__  # noqa: B009 - a private name of another module
_GROUPS = {getattr(asyncio.TaskGroup, name).__code__ for name in ("__aexit__", "_aexit") if hasattr(asyncio.TaskGroup, name)}
#: The coroutine that waits for the next of `asyncio.as_completed`, however Python calls it.
_NEXT = "._wait_for_one"
_SUSPENDED = (CoroutineType, GeneratorType, AsyncGeneratorType)


class _Unexplained(Exception):
    """Something else may end the wait."""


def awaited(task: Task[Any], asks: Mapping[Future[Any], int]) -> list[int] | None:
    """The numbers of the asks that a task waits for, by itself or through tasks that it made.

    None where anything else may let it go on: a timer, a time limit, an ask that is not known, a future of anybody.
    """
    found: dict[int, None] = {}
    rest: list[Future[Any]] = [task]
    seen: set[int] = set()
    try:
        while rest:
            future = rest.pop()
            if id(future) in seen:
                continue
            seen.add(id(future))
            if future in asks:
                found[asks[future]] = None
            elif len(seen) > MOST:
                return None
            else:
                rest += [one for one in _behind(future) if not one.done()]
    except _Unexplained:
        return None
    return list(found) or None


def _behind(future: Future[Any]) -> Iterable[Future[Any]]:
    """What a future that is no ask waits for."""
    if isinstance(future, Task):
        return _behind_task(future)
    children = getattr(future, "_children", None)  # of `gather`
    if children:
        return list(children)
    for callback, _ in getattr(future, "_callbacks", None) or ():
        if getattr(callback, "__qualname__", "") == "shield.<locals>._outer_done_callback":
            cells = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
            return [cells["inner"].cell_contents]
    raise _Unexplained


def _behind_task(task: Task[Any]) -> Iterable[Future[Any]]:
    waits_for: Future[Any] | None = getattr(task, "_fut_waiter", None)
    if waits_for is None or waits_for.done() or task.cancelling():
        raise _Unexplained  # it is about to go on
    frames = list(_frames(task.get_coro()))
    if any(_is_limit(thing) for frame in frames for thing in gc.get_referents(frame)):
        raise _Unexplained
    for at, frame in enumerate(frames):
        if getattr(frame, "__qualname__", "").endswith(_NEXT):
            return _completing(frames[:at], frame.cr_frame.f_locals)
    inner: Any = frames[-1] if frames else None
    code = getattr(inner, "cr_code", None)
    if code is _WAIT:
        names = inner.cr_frame.f_locals
        if names["timeout_handle"] is not None or any(_ends(one, names["return_when"]) for one in names["fs"]):
            raise _Unexplained
        return list(names["fs"])
    if code in _GROUPS:
        return list(inner.cr_frame.f_locals["self"]._tasks)
    return [waits_for]


def _ends(one: Future[Any], when: str) -> bool:
    """Whether a wait for several ends by this one, though it may not have heard of it yet."""
    if not one.done() or when == asyncio.ALL_COMPLETED:
        return False
    return when == asyncio.FIRST_COMPLETED or (not one.cancelled() and getattr(one, "_exception", None) is not None)


def _completing(outer: list[Any], names: dict[str, Any]) -> Iterable[Future[Any]]:
    """What a loop over `asyncio.as_completed` waits for. outer: the frames around its coroutine.  names: its variables."""
    if "self" in names:  # an object from Python 3.13 on, a generator before
        facts = {name.removeprefix("_"): value for name, value in vars(names["self"]).items()}
    else:
        things = (thing for frame in outer for thing in gc.get_referents(frame) if isinstance(thing, GeneratorType))
        loops = [thing.gi_frame.f_locals for thing in things if thing.gi_frame is not None]
        facts = next((loop for loop in loops if loop.get("done") is names["done"]), {})
    if "todo" in facts and facts["timeout_handle"] is None and not any(one.done() for one in facts["todo"]):
        return list(facts["todo"])
    raise _Unexplained


def _frames(coroutine: Any) -> Iterator[Any]:
    """The coroutines and generators that are suspended in each other, the outermost first."""
    at = coroutine
    while at is not None:
        if isinstance(at, Watched):
            at = at.inner
        elif isinstance(at, CoroutineType):
            yield at
            at = at.cr_await
        elif isinstance(at, GeneratorType):
            yield at
            at = at.gi_yieldfrom
        elif isinstance(at, AsyncGeneratorType):
            yield at
            at = at.ag_await
        else:  # what `__await__` of a coroutine gives, or `asend` of a generator, has one within
            at = next((one for one in gc.get_referents(at) if isinstance(one, _SUSPENDED)), None)


def _is_limit(thing: Any) -> bool:
    """Whether something that a suspended frame holds is a time limit that runs (`asyncio.timeout`)."""
    owner = thing.__self__ if isinstance(thing, MethodType) else thing
    return isinstance(owner, asyncio.Timeout) and getattr(owner, "_timeout_handler", None) is not None
