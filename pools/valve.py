"""How much goes to one worker now, of which kind.

Owns the worker's own limit, the part of it that each kind has for sure, and the rate at which each queue before it empties.
What all workers together may have of a kind is the gates' knowledge. The link asks it for each lane, and tells it of each
section.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pools.concurrency import PERIOD_S, Concurrency
from pools.drain import Drain
from pools.duelane import DueLane
from pools.errors import Overloaded, failure_of
from pools.gates import AGAIN_S, CRITICAL_SHARE, Gate, Gates
from pools.lane import FREE, PACED, REFUSED, Lane, refuse
from pools.ranked import CRITICAL, Ranked

if TYPE_CHECKING:
    from pools.again import Flight

__all__ = ["KIND_SHARE", "Valve"]

#: Share of a worker's limit that each kind has for sure, beyond the limit where others have all of it: so a kind whose tasks
#: wait for long holds up no other one.
KIND_SHARE = 1 / 16
#: Seconds after which to try again at most.
MOST_S = 60.0
#: Rates that are remembered: one for each kind and priority that waited.
DRAINS = 1_000


class Valve:
    """The limits of one worker.

    window: tasks that it may have at the most.  clock: monotonic seconds.
    """

    def __init__(self, window: int, gates: Gates, *, clock: Callable[[], float]) -> None:
        self.concurrency = Concurrency(window, clock())
        self.gates = gates
        #: Seconds that the worker's process ran so far, or could have run.
        self.used_s: Callable[[], float] = float
        self._clock = clock
        self._seen_s = 0.0
        self._looked_s = clock()
        #: Tasks that the worker has, by kind.
        self.flying: Counter[str] = Counter()
        #: And those of them that are critical, which have room though the limit has fallen below what it has.
        self._critical = 0
        self._drains: dict[tuple[str, int], Drain] = {}
        #: Gates that tasks came back through, and nobody was told yet.
        self._came: dict[Gate, None] = {}
        #: Looks whether there is room now; the link's.
        self.pump: Callable[[], None] = _nothing
        #: The lanes that wait for it; the link's.
        self.queue: Ranked[Lane] = Ranked()
        gates.loads.append(self.load)

    def load(self, kind: str) -> int:
        """Tasks of a kind that wait, or that the worker has."""
        return self.flying[kind] + sum(len(lane) for lane in self.queue if lane.kind == kind)

    # -- before tasks wait ---------------------------------------------------------------------------------------------

    def screen(self, lane: Lane, usual_s: float | None) -> None:
        """Refuse of what is new in a lane what may not wait: too many in a time, too many open, or too late."""
        if lane.manner != FREE and len(lane) > lane.passed:
            gate = self.gates.kinds.get(lane.kind)
            now_s = self._clock()
            if gate is not None:
                self._meter(lane, gate, now_s)
            if isinstance(lane, DueLane):
                self._foresee(lane, usual_s, now_s)
        lane.passed = len(lane)

    def _meter(self, lane: Lane, gate: Gate, now_s: float) -> None:
        most = gate.quota.open
        if most is not None:
            over = min(self.gates.load(lane.kind) + (0 if lane.is_queued else len(lane)) - most, len(lane) - lane.passed)
            if over > 0:
                self._refuse(lane, over, gate.full(self.rate(lane, now_s)), "open", now_s)
        new = len(lane) - lane.passed
        if gate.bucket is not None and lane.manner == REFUSED and new:
            over = new - gate.bucket.take(new, now_s)
            if over:
                self._refuse(lane, over, gate.limited(over, now_s), "rate", now_s)

    def _refuse(self, lane: Lane, count: int, error: Overloaded, reason: str, now_s: float) -> None:
        self.gates.count(reason, lane.kind, count, now_s)
        refuse(lane.sink, lane.drop(count), failure_of(error))

    def _foresee(self, lane: DueLane, usual_s: float | None, now_s: float) -> None:
        """Refuse what would not be in time behind those of its priority that wait already."""
        if lane.on_late is None:
            lane.on_late = lambda count: self.gates.count("expired", lane.kind, count, self._clock())
            lane.on_shed = lambda count: self.gates.count("deadline", lane.kind, count, self._clock())
        is_gated = self._is_gated(lane.kind)
        others = (each for each in self.queue.of(lane.priority) if each is not lane)
        ahead = sum(len(each) for each in others if not is_gated or each.kind == lane.kind)
        lane.usual_s = usual_s or 0.0
        shed = lane.shed(ahead, self.rate(lane, now_s), now_s)
        if shed:
            self.gates.count("deadline", lane.kind, shed, now_s)

    def _is_gated(self, kind: str) -> bool:
        gate = self.gates.kinds.get(kind)
        return gate is not None and gate.quota.concurrency is not None

    def _drain_of(self, lane: Lane) -> Drain:
        key = (lane.kind if self._is_gated(lane.kind) else "", lane.priority)
        drain = self._drains.get(key)
        if drain is None:
            if len(self._drains) >= DRAINS:
                self._drains.clear()
            drain = self._drains[key] = Drain()
        return drain

    def rate(self, lane: Lane, now_s: float) -> float | None:
        """Tasks a second that leave the queue of a lane; None where none ever waited."""
        return self._drain_of(lane).rate(now_s)

    # -- on their way --------------------------------------------------------------------------------------------------

    def room(self, lane: Lane, open_: int) -> int:
        """Tasks of a lane that the worker may get now. open_: those that it has."""
        limit = self.concurrency.limit
        room = limit - open_
        if lane.priority == CRITICAL:
            share = int(limit * CRITICAL_SHARE) + 1
            room = max(room, share - self._critical)  # past its share it takes turns with the others
        kind_share = int(limit * KIND_SHARE) + 1
        if room < kind_share:
            room = max(room, kind_share - self.flying[lane.kind])
        gate = self.gates.kinds.get(lane.kind)
        if gate is None:
            return room
        gate_room = gate.room(is_critical=lane.priority == CRITICAL)
        if gate_room is not None and gate_room < room:
            room = gate_room
            if room <= 0:
                gate.park(self.pump)
        if lane.manner == PACED and gate.bucket is not None:
            room = min(room, gate.bucket.room(self._clock()))
        return room

    def is_free(self, lane: Lane) -> bool:
        """Whether one task may go at once, without a further look: it waits for nothing and is counted nowhere."""
        return lane.manner == FREE or lane.kind not in self.gates.kinds

    def overflown(self, lane: Lane, count: int) -> float:
        """The backlog is full, and so many are refused; returns in how many seconds there is room for them."""
        now_s = self._clock()
        self.gates.count("backlog", lane.kind, count, now_s)
        rate = self.rate(lane, now_s)
        return AGAIN_S if not rate else round(min(max(count / rate, 0.001), MOST_S), 3)

    def retry_s(self, lanes: Iterable[Lane]) -> float:
        """Seconds after which lanes that found no room should look again, whatever is answered meanwhile."""
        now_s, wait_s = self._clock(), PERIOD_S
        for lane in lanes:
            gate = self.gates.kinds.get(lane.kind)
            if gate is not None and gate.bucket is not None and lane.manner == PACED:
                wait_s = min(wait_s, max(gate.bucket.wait_s(1, now_s), 0.001))
        return wait_s

    def sent(self, lane: Lane, count: int) -> None:
        """Some tasks of a lane went to the worker."""
        lane.passed = max(lane.passed - count, 0)
        self.flying[lane.kind] += count
        self._critical += count if lane.priority == CRITICAL else 0
        gate = self.gates.kinds.get(lane.kind)
        now_s = self._clock()
        if gate is not None:
            gate.flying += count
            if lane.manner == PACED and gate.bucket is not None:
                gate.bucket.take(count, now_s)
        is_gated = self._is_gated(lane.kind)
        others = (each for each in self.queue.of(lane.priority) if not is_gated or each.kind == lane.kind)
        self._drain_of(lane).left(count, len(lane) or any(map(len, others)), now_s)

    def sent_alone(self, lane: Lane) -> None:
        """One task of a lane went to the worker, for which nothing waits and which `is_free` let go."""
        self.flying[lane.kind] += 1
        self._critical += lane.priority == CRITICAL
        gate = self.gates.kinds.get(lane.kind)
        if gate is not None:
            gate.flying += 1

    def landed(self, section: Mapping[str, Any], count: int, seconds: float) -> None:
        """Some tasks of a section came back, so many seconds after they were sent."""
        kind = section["k"]
        self.flying[kind] -= count
        self._critical -= count if section.get("pr") == CRITICAL else 0
        gate = self.gates.kinds.get(kind)
        if gate is not None:
            gate.flying -= count
            self._came[gate] = None
        self.concurrency.answered(count, seconds)

    def recount(self, flights: Iterable[Flight]) -> None:
        """What the worker has was changed in another way: count it anew."""
        before, self.flying, self._critical = self.flying, Counter(), 0
        for flight in flights:
            self.flying[flight.section["k"]] += flight.left
            self._critical += flight.left if flight.section.get("pr") == CRITICAL else 0
        for kind in before.keys() | self.flying.keys():
            gate = self.gates.kinds.get(kind)
            if gate is not None:
                gate.flying += self.flying[kind] - before[kind]
                gate.wake()

    def look(self) -> None:
        """Decide on the limit, if it is time, and wake those that wait for room which this worker's answers made."""
        now_s = self._clock()
        if self.concurrency.is_due(now_s):
            used_s = self.used_s()
            elapsed_s = max(now_s - self._looked_s, 1e-6)
            self.concurrency.decide((used_s - self._seen_s) / elapsed_s, now_s)
            self._seen_s, self._looked_s = used_s, now_s

    def wake(self) -> None:
        """Have other workers' links look, if something came back for which they may wait."""
        if self._came:
            came, self._came = self._came, {}
            for gate in came:
                gate.wake()

    def facts(self, now_s: float) -> dict[str, Any]:
        """The limit now, and what was measured."""
        concurrency = self.concurrency
        drains = [rate for drain in self._drains.values() if (rate := drain.rate(now_s)) is not None]
        return {
            "limit": concurrency.limit,
            "window": concurrency.window,
            "drain_per_s": round(sum(drains), 1) if drains else None,
        }


def _nothing() -> None:
    """Nobody waits for room yet."""
