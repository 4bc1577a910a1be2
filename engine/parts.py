"""A task that is done in parts: split by an agent of its kind, each part a task by itself, joined in the order of the parts.

Owns that order and what a failure means: the first part that fails ends the others, and the whole fails with its cause. The
code that splits and joins is the agents': the methods `split(method, args)` and `join(method, results)` of their class.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import Any

from engine.foreseen import Foreseen, Judged
from pools.asks import Asks
from pools.errors import Failure, PoolError, TaskCancelled, failure_of, raised
from pools.foresight import split_task
from pools.lane import BARE

__all__ = ["Parts"]


class Parts:
    """Does tasks in parts. asks: sends them, and takes them back."""

    def __init__(self, asks: Asks, foreseen: Foreseen) -> None:
        self._asks = asks
        self._foreseen = foreseen

    async def ended(self, kind: str, method: str, argument: Any) -> tuple[Any, list[Failure]]:
        """The value of a task, or why it failed."""
        try:
            return await self.run(kind, method, argument), []
        except asyncio.CancelledError:
            return None, [failure_of(TaskCancelled("it was taken back while its parts ran"))]
        except PoolError as error:
            return None, [failure_of(error)]

    async def run(self, kind: str, method: str, argument: Any) -> Any:
        """The value of a task. Raises the error of splitting, of the first part that failed, with its cause, or of joining."""
        given = argument if isinstance(argument, dict) else [argument] if type(argument) in BARE else argument or []
        splitter = self._foreseen.judge(kind, "split", None, is_part=True)
        parts = split_task(await self._sent(splitter, "split", [method, given]))
        if len(parts) < 2:
            return await self._part(kind, method, argument)
        running = [asyncio.ensure_future(self._part(kind, method, part)) for part in parts]
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
            results = [_result(part, at, len(parts)) for at, part in enumerate(running) if part.done()]
        finally:
            for part in running:
                part.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        joiner = self._foreseen.judge(kind, "join", None, is_part=True)
        return await self._sent(joiner, "join", [method, results])

    async def _part(self, kind: str, method: str, argument: Any) -> Any:
        return await self._sent(self._foreseen.judge(kind, method, argument, is_part=True), method, argument)

    async def _sent(self, judged: Judged, method: str, argument: Any) -> Any:
        """The value of one task. argument: as it is sent."""
        if type(argument) is dict:
            future = self._asks.ask(judged.address, method, **argument)
        else:
            given = argument if type(argument) is list else () if argument is None else (argument,)
            future = self._asks.ask(judged.address, method, *given)
        failures = [Failure(TaskCancelled.__name__, "")]
        try:
            value = await future
        except asyncio.CancelledError:
            self._asks.cancel(future)
            raise
        except PoolError as error:
            failures = [failure_of(error)]
            raise
        else:
            failures = []
            return value
        finally:
            self._foreseen.learn(judged.case, 1, failures)


def _result(part: Future[Any], at: int, count: int) -> Any:
    """What a part answered. Raises its error, which says which part it was."""
    error = part.exception()
    if error is None:
        return part.result()
    failure = failure_of(error)
    raise raised(failure._replace(message=f"part {at + 1} of {count}: {failure.message}")) from error
