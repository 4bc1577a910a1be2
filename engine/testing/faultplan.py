"""What shall go wrong in the steps of tasks.

Owns which step of whom fails or ends the worker, and how often. What a step is, is `pools.steps`' business; here it is only
wrapped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from pools.context import Context

__all__ = ["FaultPlan", "context_under"]


class _Planned(NamedTuple):
    """A fault of a step. error: what it raises; None ends the worker once the step has its value."""

    agent: str
    step: str
    error: BaseException | None


class FaultPlan:
    """The faults that a test has planned. kill: ends the worker; nothing of it runs on."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self.kill = kill
        #: Faults that have not struck.
        self.planned: list[_Planned] = []

    def add(self, agent: str, step: str, error: BaseException | None) -> None:
        """Plan one for the next such step. step: its name, `*` for any."""
        self.planned.append(_Planned(agent, step, error))

    def take(self, agent: str, step: str) -> _Planned | None:
        """The fault of a step that is about to run, if one is planned; it strikes once."""
        found = next((one for one in self.planned if one.agent == agent and one.step in (step, "*")), None)
        if found is not None:
            self.planned.remove(found)
        return found


def context_under(plan: FaultPlan) -> type[Context]:
    """What tasks are given where steps go wrong as planned."""

    class Planned(Context):
        __slots__ = ()

        def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Coroutine[Any, Any, Any]:
            fault = plan.take(self.agent_id, name)
            if fault is None:
                return super().step(name, function, *arguments)
            if fault.error is not None:
                return super().step(name, _raising, fault.error)
            return _then(super().step(name, function, *arguments), plan.kill)

    return Planned


def _raising(error: BaseException) -> None:
    raise error


async def _then(step: Coroutine[Any, Any, Any], kill: Callable[[], None]) -> Any:
    value = await step
    kill()
    await asyncio.get_running_loop().create_future()  # nothing follows in a process that is no more
    return value
