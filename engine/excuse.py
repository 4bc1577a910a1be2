"""Whether what fails of a kind in a pool can be avoided without its circuit breaker, by sending it elsewhere or in parts.

Owns the rule by which breakers and foresight go together. A breaker cuts off all agents of a kind in a pool; that is too much
where it is some of them that fail, or some sizes. While that is being learned, and once it is known, the breaker stays closed;
where nothing better is known after that, it opens as it would have. It never holds back an opening for a dead place, for slow
calls, or where nothing works: then the breaker does not ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.foreseen import Foreseen, View
from pools.outlook import LEAST_COUNT

__all__ = ["Excuse"]

#: Outcomes of a pair, for each place in a pool, before it is said that nothing better is known: twice what makes one known.
LEARNING = 2 * LEAST_COUNT
#: Seconds for which an answer is good: a breaker asks with every section that has failures.
GOOD_S = 0.05


class Places(Protocol):
    """What has to be known of a pool."""

    def agents_in(self, kind: str, pool: int) -> int:
        """How many places of a kind there are in a pool."""
        ...

    def is_in(self, place: str, pool: int) -> bool:
        """Whether a place is in a pool."""
        ...

    def can_split(self, kind: str) -> bool:
        """Whether agents of the kind know how to split a task."""
        ...


class Excuse:
    """Asked by breakers. failure_rate: the share of failed calls from which on they open.  clock: monotonic seconds."""

    def __init__(self, foreseen: Foreseen, places: Places, failure_rate: float, clock: Callable[[], float]) -> None:
        self._foreseen = foreseen
        self._places = places
        self._failure_rate = failure_rate
        self._clock = clock
        self._known: dict[tuple[int, str], tuple[float, bool]] = {}

    def __call__(self, pool: int, kind: str) -> bool:
        """Whether fewer tasks of a kind would fail in a pool than open its breaker, were each sent as is best, or may be."""
        now_s = self._clock()
        until_s, is_good = self._known.get((pool, kind), (0.0, False))
        if now_s >= until_s:
            is_good = self._foreseen.is_judged(kind) and self._is_avoidable(pool, kind, now_s)
            self._known[pool, kind] = now_s + GOOD_S, is_good
        return is_good

    def _is_avoidable(self, pool: int, kind: str, now_s: float) -> bool:
        count, can_split = self._places.agents_in(kind, pool), self._places.can_split(kind)
        if count < 2 and not can_split:
            return False
        history = self._foreseen.history
        tasks = failing = 0.0
        for pair in history.pairs(kind):
            record, view = history.record(pair), self._foreseen.view(pair)
            if record is not None:
                seen = record.whole(now_s).tasks
                tasks += seen
                failing += 0.0 if record.learned < LEARNING * count else seen * self._best(view, pool, can_split=can_split)
        return failing < self._failure_rate * tasks if tasks else True

    def _best(self, view: View, pool: int, *, can_split: bool) -> float:
        """How likely a task of a pair fails at the best place of a pool, or with the best size where it can be split."""
        outlook = view.outlook
        rates = [rate for place, rate in outlook.places.items() if self._places.is_in(place, pool)]
        if can_split and view.ceiling is not None:
            rates += outlook.sizes.values()
        return min(rates, default=outlook.rate)
