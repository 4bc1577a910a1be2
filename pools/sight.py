"""What the engine sees of one worker by the way, from the sections that it is sent and that it answers.

Owns how long tasks of a kind take there, and which agents have how much in flight, where somebody wants to know. It is told
of a section at a time, so that a task costs nothing; outcomes go on to the breakers. The link tells it, the balancer reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from pools.address import Key
from pools.breakers import Breakers, Openings, Pair
from pools.errors import CircuitOpen, Failure

__all__ = ["Sight"]

#: Seconds over which the time that tasks take is averaged: short enough that a pool which becomes slow is left soon, long
#: enough that one slow task does not empty it.
#: Source: Finagle's PeakEwma (decay of some seconds); here the average follows both ways.
TAU_S = 2.0
#: Agents that are counted apart, of a kind at one worker: with more, one that has nothing to do is found by taking turns.
COUNTED = 16_384


class _Flying:
    """Tasks in flight by agent: two counts that only grow, since to add up a column is what costs least."""

    __slots__ = ("came", "went")

    def __init__(self) -> None:
        self.went: Counter[Key] = Counter()
        self.came: Counter[Key] = Counter()


class Sight:
    """One worker of a pool, as its link sees it. pool: its number."""

    def __init__(self, pool: int, breakers: Breakers) -> None:
        self._pool = pool
        self._breakers = breakers
        self._pairs: dict[str, Pair] = {}
        #: For each kind the average time in seconds, and when it was brought up to date.
        self._times: dict[str, tuple[float, float]] = {}
        self._flying: dict[str, _Flying] = {}

    # -- for the link --------------------------------------------------------------------------------------------------

    def refusal(self, kind: str) -> CircuitOpen | None:
        """Why no task of a kind may be sent, as an operator said; None where it may."""
        return self._breakers.isolation(self._pool, kind) if self._breakers.isolated else None

    def sent(self, kind: str, keys: Sequence[Key]) -> Openings:
        """Some tasks leave; returns what is to be handed in with their ends."""
        pair = self._pairs.get(kind)
        if pair is None:
            pair = self._pairs[kind] = self._breakers.pair(self._pool, kind)
        flying = self._flying.get(kind)
        if flying is not None:
            flying.went.update(keys)
        return pair.place.opening, pair.kind.opening

    def answered(
        self, section: Mapping[str, Any], sent: Openings | None, reply: Mapping[str, Any], seconds: float, now_s: float
    ) -> None:
        """Some tasks of a section came back: all, or those that the reply names."""
        kind, count = section["k"], len(reply["v"])
        before = self._times.get(kind)
        if before is None:
            self._times[kind] = seconds, now_s
        else:
            weight = max(1.0 - exp((before[1] - now_s) / TAU_S), 0.01)
            self._times[kind] = before[0] + weight * (seconds - before[0]), now_s
        flying = self._flying.get(kind)
        if flying is not None:
            keys = section["i"]
            if "i" in reply:
                keys = [keys[at] for at in reply["i"] if at < len(keys)]
            elif count != len(keys):
                keys = keys[reply.get("o", 0) :][:count]
            flying.came.update(keys)
        failures = [failed[1] for failed in reply["e"]] if "e" in reply else ()
        self._breakers.record(self._pool, kind, sent, count, failures, seconds)

    def lost(self, kind: str, sent: Openings | None, count: int, failure: Failure) -> None:
        """Some tasks will not come back, or not in time: they count as failed with this."""
        if count:
            self._breakers.record(self._pool, kind, sent, count, [failure.type] * count, None)

    def emptied(self) -> None:
        """Nothing is in flight: what was counted by agent begins anew."""
        for flying in self._flying.values():
            if flying.went:
                flying.went.clear()
                flying.came.clear()

    # -- for the balancer ----------------------------------------------------------------------------------------------

    def usual_s(self, kind: str) -> float | None:
        """Seconds that tasks of a kind took here lately; None where none came back."""
        found = self._times.get(kind)
        return None if found is None else found[0]

    def seen_s(self, kind: str) -> float:
        """When the last one came back, monotonic seconds."""
        found = self._times.get(kind)
        return 0.0 if found is None else found[1]

    def count(self, kind: str, agents: int) -> None:
        """Count this kind's tasks by agent from now on, if it has few enough here."""
        if agents > COUNTED:
            self._flying.pop(kind, None)
        elif kind not in self._flying:
            self._flying[kind] = _Flying()

    def flying(self, kind: str, key: Key) -> int:
        """Tasks in flight for an agent, since they are counted."""
        flying = self._flying.get(kind)
        return 0 if flying is None else max(flying.went[key] - flying.came[key], 0)
