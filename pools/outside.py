"""Breakers for what agents call outside of the engine, one for each target by name.

Owns the table of one worker, and the block in which such a call stands. A call that raises has failed; while too many do, the
block is not entered and raises CircuitOpen instead. Changes are reported, calls are not. Above: the context of a task.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Any, Self

from pools.breaker import CLOSED, OPEN, Breaker, BreakerSpec, Permit
from pools.breakers import Usual, target_name
from pools.errors import CircuitOpen

__all__ = ["Outcall", "Outside"]

#: Targets of one worker that are counted apart; past it the one that was called longest ago is forgotten, closed ones first,
#: none that an operator holds.
TARGETS = 1_024


class _Target:
    """What is known of one target."""

    __slots__ = ("breaker", "state", "usual")

    def __init__(self, spec: BreakerSpec, chance: Random) -> None:
        self.breaker = Breaker(spec, chance)
        self.usual = Usual(spec)
        self.state = CLOSED


class Outcall:
    """One call, as a block: `with` or `async with`. Raises CircuitOpen instead of entering it."""

    __slots__ = ("_began_s", "_name", "_permit", "_table", "_target")

    def __init__(self, table: Outside, name: str) -> None:
        self._table = table
        self._name = name

    def __enter__(self) -> Self:
        self._target, self._permit, self._began_s = self._table.admit(self._name)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        is_over = kind is None or not issubclass(kind, CancelledError | GeneratorExit)
        self._table.end(self._name, self._target, self._permit, self._began_s, None if not is_over else kind is None)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


class Outside:
    """The targets of one worker. say: told the facts of a target whose breaker has changed.  clock: monotonic seconds."""

    def __init__(
        self,
        say: Callable[[dict[str, Any]], None] | None = None,
        *,
        spec: BreakerSpec | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Random | None = None,
    ) -> None:
        #: When their breakers open: those that are made from now on.
        self.spec = spec or BreakerSpec()
        self._say = say
        self._clock = clock
        self._chance = chance or Random()
        self._targets: dict[str, _Target] = {}

    def apart(self) -> Outside:
        """The table of a fork: what is seen there stays there, what an operator holds is held there too."""
        made = Outside(spec=self.spec, clock=self._clock, chance=self._chance)
        for name, target in self._targets.items():
            if target.breaker.forced is not None:
                made.force(name, target.breaker.forced)
        return made

    def force(self, name: str, state: str | None) -> None:
        """Hold a target OPEN or CLOSED, or let its breaker decide again."""
        now_s = self._clock()
        target = self._known(name)
        target.breaker.force(state)
        self._report(name, target, now_s, is_told=True)

    def call(self, name: str) -> Outcall:
        """A block for one call of a target. name: 1 to 200 characters, such as a host's. Raises BadArgument."""
        return Outcall(self, target_name(name))

    def admit(self, name: str) -> tuple[_Target, Permit, float]:
        """Leave for one call: its target, the permit and when it began. Raises CircuitOpen."""
        now_s = self._clock()
        target = self._known(name)
        permit = target.breaker.admit(now_s)
        self._report(name, target, now_s)
        if permit is None:
            error = CircuitOpen(f"{name} is not called now: {target.breaker.why or 'its probes are under way'}")
            error.retry_after_s = round(target.breaker.retry_after_s(now_s), 3)
            raise error
        return target, permit, now_s

    def end(self, name: str, target: _Target, permit: Permit, began_s: float, is_well: bool | None) -> None:
        """A call has ended. is_well: None where it was taken back, which says nothing of the target."""
        now_s = self._clock()
        if is_well is None:
            target.breaker.give_back(permit, 1)
            return
        seconds = now_s - began_s
        slow = int(seconds > target.usual.slow_s)
        target.usual.add(seconds, 1, now_s)
        target.breaker.record(permit.opening, int(is_well), int(not is_well), slow, now_s)
        self._report(name, target, now_s)

    def _known(self, name: str) -> _Target:
        """What is known of a target, which is the one that was called last now."""
        target = self._targets.pop(name, None)
        if target is None:
            self._make_room()
            target = _Target(self.spec, self._chance)
        self._targets[name] = target
        return target

    def _make_room(self) -> None:
        if len(self._targets) >= TARGETS:
            free = {name: target.state for name, target in self._targets.items() if target.breaker.forced is None}
            closed = (name for name, state in free.items() if state == CLOSED)
            del self._targets[next(closed, next(iter(free)))]

    def _report(self, name: str, target: _Target, now_s: float, *, is_told: bool = False) -> None:
        """Say in which state a target is, if it is another one. is_told: in any case."""
        facts = target.breaker.facts(now_s)
        has_changed = facts["state"] != target.state
        target.state = str(facts["state"])
        if self._say is not None and (has_changed or is_told):
            event = {OPEN: "breaker.opened", CLOSED: "breaker.closed"}.get(target.state, "breaker.half_open")
            self._say({"verb": "outside", "target": name, "event": event if has_changed else None, "facts": facts})
