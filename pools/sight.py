"""What the engine sees of one worker by the way, from the sections that it is sent and that it answers.

Owns how long tasks of a kind take there, and which agents have how much in flight, where somebody wants to know. It is told
of a section at a time, so that a task costs nothing, and hands on what went well a few times a second, what failed at once:
outcomes are the breakers' business. The link tells it, the balancer reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from pools.address import Key
from pools.breakers import Breakers, Openings, Pair
from pools.errors import CircuitOpen, Failure
from pools.recent import Recent

if TYPE_CHECKING:
    from pools.again import Flight

__all__ = ["Sight"]

#: Seconds over which the time that tasks take is averaged: short enough that a pool which becomes slow is left soon, long
#: enough that one slow task does not empty it.
#: Source: Finagle's PeakEwma (decay of some seconds); here the average follows both ways.
TAU_S = 2.0
#: Seconds for which what went well is added up before it is handed on: a look at the clock is cheaper than two breakers.
TOLD_S = 0.05
#: Times the usual time after which an answer that does not come is the worker's fault.
LONG = 2.0
#: Agents that are counted apart, of a kind at one worker: with more, one that has nothing to do is found by taking turns.
COUNTED = 16_384


class _Flying:
    """Tasks in flight by agent: two counts that only grow, since to add up a column is what costs least."""

    __slots__ = ("came", "went")

    def __init__(self) -> None:
        self.went: Counter[Key] = Counter()
        self.came: Counter[Key] = Counter()


class _Seen:
    """One kind at this worker.

    openings: the states of its breakers, as they were last.  time_s, at_s: the average time, and when that was known.
    ok, slow, sum_s: of tasks that went well and were not handed on; due_s: when they will be.
    """

    __slots__ = ("at_s", "due_s", "flying", "ok", "openings", "pair", "slow", "sum_s", "time_s")

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.openings: Openings = (pair.place.opening, pair.kind.opening)
        self.flying: _Flying | None = None
        self.time_s: float | None = None
        self.at_s = self.due_s = self.sum_s = 0.0
        self.ok = self.slow = 0


class Sight:
    """One worker of a pool, as its link sees it. pool: its number."""

    def __init__(self, pool: int, breakers: Breakers) -> None:
        self._pool = pool
        self.breakers = breakers
        self._kinds: dict[str, _Seen] = {}
        #: What its last tasks were.
        self.recent = Recent()
        breakers.tellers.append(self.tell)

    def _seen(self, kind: str) -> _Seen:
        seen = self._kinds.get(kind)
        if seen is None:
            seen = self._kinds[kind] = _Seen(self.breakers.pair(self._pool, kind))
        return seen

    # -- for the link --------------------------------------------------------------------------------------------------

    def refusal(self, kind: str) -> CircuitOpen | None:
        """Why no task of a kind may be sent, as an operator said; None where it may."""
        return self.breakers.isolation(self._pool, kind) if self.breakers.isolated else None

    def sent(self, kind: str, keys: Sequence[Key]) -> Openings:
        """Some tasks leave; returns what is to be handed in with their ends."""
        seen = self._kinds.get(kind) or self._seen(kind)
        if seen.flying is not None:
            seen.flying.went.update(keys)
        pair, known = seen.pair, seen.openings
        if pair.place.opening == known[0] and pair.kind.opening == known[1]:
            return known
        self._tell(kind, seen)
        seen.openings = pair.place.opening, pair.kind.opening
        return seen.openings

    def answered(
        self, section: Mapping[str, Any], sent: Openings | None, reply: Mapping[str, Any], seconds: float, now_s: float
    ) -> None:
        """Some tasks of a section came back: all, or those that the reply names."""
        self.recent.note(section, reply, seconds, now_s)
        kind, count = section["k"], len(reply["v"])
        seen = self._kinds.get(kind) or self._seen(kind)
        if seen.flying is not None:
            keys = section["i"]
            if "i" in reply:
                keys = [keys[at] for at in reply["i"] if at < len(keys)]
            elif count != len(keys):
                keys = keys[reply.get("o", 0) :][:count]
            seen.flying.came.update(keys)
        if "e" in reply or sent is not seen.openings or not self.breakers.is_calm:
            self._tell(kind, seen)
            self._average(seen, seconds, now_s)
            failures = [failed[1] for failed in reply["e"]] if "e" in reply else ()
            slow = count if seconds > seen.pair.usual.slow_s else 0
            seen.pair.usual.add(seconds, count, now_s)
            self.breakers.record(self._pool, kind, sent, count, failures, slow)
            return
        seen.ok += count
        seen.sum_s += count * seconds
        if seconds > seen.pair.usual.slow_s:
            seen.slow += count
        if now_s >= seen.due_s:
            seen.due_s = now_s + TOLD_S
            mean_s = seen.sum_s / seen.ok
            self._average(seen, mean_s, now_s)
            seen.pair.usual.add(mean_s, seen.ok, now_s)
            self._tell(kind, seen)

    @staticmethod
    def _average(seen: _Seen, seconds: float, now_s: float) -> None:
        if seen.time_s is None:
            seen.time_s = seconds
        else:
            seen.time_s += max(1.0 - exp((seen.at_s - now_s) / TAU_S), 0.01) * (seconds - seen.time_s)
        seen.at_s = now_s

    def lost(self, kind: str, sent: Openings | None, count: int, failure: Failure) -> None:
        """Some tasks will not come back, or not in time: they count as failed with this."""
        if count:
            self._tell(kind, self._seen(kind))
            self.breakers.record(self._pool, kind, sent, count, [failure.type] * count)

    def is_long(self, flight: Flight, now_s: float) -> bool:
        """Whether tasks that have no answer yet had more time than they need: else it is the wait before it that was long."""
        usual_s = self.usual_s(flight.section["k"])
        return usual_s is None or now_s - flight.sent_s > LONG * usual_s

    def emptied(self) -> None:
        """Nothing is in flight: what was counted by agent begins anew."""
        for seen in self._kinds.values():
            if seen.flying is not None and seen.flying.went:
                seen.flying.went.clear()
                seen.flying.came.clear()

    def tell(self) -> None:
        """Hand on what went well and was not handed on yet."""
        for kind, seen in self._kinds.items():
            self._tell(kind, seen)

    def _tell(self, kind: str, seen: _Seen) -> None:
        ok, slow, seen.ok, seen.slow, seen.sum_s = seen.ok, seen.slow, 0, 0, 0.0
        if ok:
            self.breakers.record(self._pool, kind, seen.openings, ok, (), slow)

    # -- for the balancer ----------------------------------------------------------------------------------------------

    def usual_s(self, kind: str) -> float | None:
        """Seconds that tasks of a kind took here lately; None where none came back."""
        seen = self._kinds.get(kind)
        return None if seen is None else seen.time_s

    def seen_s(self, kind: str) -> float:
        """When that was known last, monotonic seconds."""
        return self._seen(kind).at_s

    def count(self, kind: str, agents: int) -> None:
        """Count this kind's tasks by agent from now on, if it has few enough here."""
        seen = self._seen(kind)
        if agents > COUNTED:
            seen.flying = None
        elif seen.flying is None:
            seen.flying = _Flying()

    def flying(self, kind: str, key: Key) -> int:
        """Tasks in flight for an agent, since they are counted."""
        flying = self._seen(kind).flying
        return 0 if flying is None else max(flying.went[key] - flying.came[key], 0)
