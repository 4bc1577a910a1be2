"""The breakers of one engine: one for each pool, and one for each kind in a pool.

Owns which there are, what of a task's end counts for which, and the events. A failure of the place (its worker died, it hangs,
no answer came in time) counts for the pool and for the kind in it; an error of the agent's own method for the kind in that pool
only; what is the caller's fault counts nowhere. It sends nothing, and chooses nobody: that is the balancer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

from pools.breaker import CLOSED, OPEN, Breaker, BreakerSpec
from pools.errors import BadArgument, CircuitOpen
from pools.gauges import CELLS, HISTOGRAM, bucket_of, percentile_us

__all__ = ["ACTIONS", "HELD", "Breakers", "Openings", "Pair", "Usual", "target_name"]

#: Breakers of kinds in pools at most; past it all further kinds of a pool share one.
MOST = 4_096
#: The kind under which those share it.
REST = "*"
#: Tasks that the record of a kind in a pool remembers at full weight.
RECORD = 1_000.0
#: Seconds between two looks at how long a kind usually takes, after which what was counted before weighs half.
USUAL_S = 5.0
#: How the error begins of a task that was not sent since an operator holds a breaker open; one that an agent raises does not.
HELD = "the breaker of "
#: What an operator may say: hold it open, hold it closed, let it decide.
ACTIONS = {"open": OPEN, "close": CLOSED, "auto": None}

#: Targets outside that operators hold at most, each pool's counted: fewer than a worker knows, which forgets none of them.
HELD_TARGETS = 512
#: Characters of a target's name: it stands in logs and tables.
NAME_CHARS = 200

#: Ends that tell of the place, by the name of their error.
_PLACE = frozenset({"WorkerDied", "PoolUnavailable", "TaskHung", "TaskKilled", "TaskExpired", "LinkClosed"})
#: Ends that tell of neither place nor kind: the caller asked wrongly or took it back, one agent has too much, the disk is full.
_NOBODY = frozenset({
    "AgentMoving", "AgentQuarantined", "BadAddress", "BadArgument", "CircuitOpen", "FrameTooLarge", "Overloaded", "PoolFull",
    "RateLimited", "StoreFull", "StoreStopped", "TaskCancelled", "TooOld", "UnknownAgent", "UnknownKind", "UnknownMethod",
})  # fmt: skip

#: The numbers of the states, of the pool's breaker and the kind's, in which something was sent.
Openings = tuple[int, int]


class Usual:
    """How long tasks of one kind take in all pools together, and from which time on one is slow."""

    __slots__ = ("_counts", "_due_s", "_spec", "slow_s")

    def __init__(self, spec: BreakerSpec) -> None:
        self._spec = spec
        self._counts = [0] * (CELLS - HISTOGRAM)
        self._due_s = 0.0
        self.slow_s = float("inf") if spec.slow_s is None else spec.slow_s

    def add(self, seconds: float, count: int, now_s: float) -> None:
        """Note how long some tasks took."""
        self._counts[bucket_of(int(seconds * 1e6))] += count
        if now_s >= self._due_s and self._spec.slow_s is None:
            self._due_s = now_s + USUAL_S
            usual_us = percentile_us(self._counts, 0.5)
            if usual_us is not None and sum(self._counts) >= self._spec.minimum:
                self.slow_s = max(usual_us / 1e6 * self._spec.slow_factor, self._spec.slow_least_s)
            self._counts = [count >> 1 for count in self._counts]


class Pair:
    """What stands between a task and a kind in one pool: the pool's breaker and the kind's, and their record."""

    __slots__ = ("_done", "_well", "kind", "place", "usual")

    def __init__(self, place: Breaker, kind: Breaker, usual: Usual) -> None:
        self.place = place
        self.kind = kind
        self.usual = usual
        self._done, self._well = 2.0, 1.0

    def note(self, well: int, failed: int) -> None:
        """Tasks that ended here; of what was before, RECORD at most counts as much as what comes."""
        before = min(1.0, RECORD / self._done)
        self._done = self._done * before + well + failed
        self._well = self._well * before + well

    @property
    def success(self) -> float:
        """Share of the tasks that went well, as far as is known: a half where nothing is, above 0."""
        return max(self._well / self._done, 0.001)


class Breakers:
    """The table. names: the pools, by number.  clock: monotonic seconds.  on_change: told name and text of what happened."""

    def __init__(
        self,
        spec: BreakerSpec,
        names: Sequence[str],
        *,
        clock: Callable[[], float],
        chance: Random,
        on_change: Callable[[str, str], None],
    ) -> None:
        self.spec = spec
        self._names = list(names)
        self._clock = clock
        self._chance = chance
        self._on_change = on_change
        self._places = [Breaker(spec, chance) for _ in names]
        self._kinds: dict[tuple[int, str], Breaker] = {}
        self._usual: dict[str, Usual] = {}
        self._pairs: dict[tuple[int, str], Pair] = {}
        #: Those that are not simply closed, with the state that was told last.
        self._unusual: dict[tuple[int, str], str] = {}
        #: Those that an operator holds open.
        self.isolated: set[tuple[int, str]] = set()
        #: Who has results that were not handed in yet, asked before anything is shown.
        self.tellers: list[Callable[[], None]] = []
        #: Says whether tasks of a kind that fail in a pool by their own errors can be sent where they do not; None for nobody.
        self.excuse: Callable[[int, str], bool] | None = None
        #: Of what agents call outside, by worker and target: what the worker said last, where it is not simply closed.
        self._outside: dict[tuple[str, str], dict[str, Any]] = {}
        #: The targets outside that an operator holds, and how, by the number of the pool.
        self._held: dict[tuple[int, str], str] = {}
        #: Tells the workers of a pool that a target is held, or not any more; the swarm's.
        self.on_held: Callable[[int, str, str | None], None] = _nobody

    @property
    def is_calm(self) -> bool:
        """Whether all let everything through."""
        return not self._unusual

    def pair(self, pool: int, kind: str) -> Pair:
        """The two breakers before a kind in a pool."""
        found = self._pairs.get((pool, kind))
        if found is None:
            key = pool, kind
            if key not in self._kinds and len(self._kinds) >= MOST:
                key = pool, REST
            one = self._kinds.get(key)
            if one is None:
                one = self._kinds[key] = Breaker(self.spec, self._chance)
            usual = self._usual.setdefault(key[1], Usual(self.spec))
            found = self._pairs[pool, kind] = Pair(self._places[pool], one, usual)
        return found

    # -- asking --------------------------------------------------------------------------------------------------------

    def is_open_to(self, pool: int, kind: str) -> bool:
        """Whether a pool's breakers would admit a task for this kind now."""
        if self.is_calm:
            return True
        pair, now_s = self.pair(pool, kind), self._clock()
        rooms = pair.place.room(now_s), pair.kind.room(now_s)
        self._tell(pool, kind)
        return all(room is None or room > 0 for room in rooms)

    def admit(self, pool: int, kind: str, count: int) -> int:
        """How many of `count` tasks for this kind the pool's breakers let through; they count as probes."""
        if self.is_calm:
            return count
        pair, now_s = self.pair(pool, kind), self._clock()
        first = pair.place.admit(now_s, count)
        second = None if first is None else pair.kind.admit(now_s, first.count)
        admitted = 0 if second is None else second.count
        if first is not None and admitted < first.count:
            pair.place.give_back(first, first.count - admitted)
        self._tell(pool, kind)
        return admitted

    def refusal(self, kind: str, pools: Iterable[int]) -> CircuitOpen:
        """The error for a task of a kind that none of some pools admits."""
        now_s = self._clock()
        waits: list[tuple[float, str]] = []
        for pool in pools:
            pair = self.pair(pool, kind)
            wait_s, why = max(
                (pair.place.retry_after_s(now_s), f"pool {self._names[pool]}: {pair.place.why}"),
                (pair.kind.retry_after_s(now_s), f"{kind} in pool {self._names[pool]}: {pair.kind.why}"),
            )
            waits.append((wait_s, why))
        wait_s, why = min(waits)
        error = CircuitOpen(f"no pool admits tasks for {kind!r} now ({why}); see: engine breaker ls")
        error.retry_after_s = round(max(wait_s, 0.001), 3)
        return error

    def isolation(self, pool: int, kind: str) -> CircuitOpen | None:
        """The error for any task of a kind in a pool that an operator holds open."""
        for key, what in (((pool, ""), f"pool {self._names[pool]}"), ((pool, kind), f"{kind} in pool {self._names[pool]}")):
            if key in self.isolated:
                error = CircuitOpen(f"{HELD}{what} is held open by an operator; to let it decide: engine breaker auto")
                error.retry_after_s = self.spec.open_most_s
                return error
        return None

    # -- telling -------------------------------------------------------------------------------------------------------

    def record(self, pool: int, kind: str, sent: Openings | None, count: int, failures: Sequence[str], slow: int = 0) -> None:
        """Take the ends of some tasks of a kind that were sent together.

        sent: the states in which they were sent, None for those of now.  failures: names of their errors, of those that failed.
        slow: how many took too long.
        """
        pair, now_s = self.pair(pool, kind), self._clock()
        place = sum(name in _PLACE for name in failures)
        nobody = sum(name in _NOBODY for name in failures)
        own = len(failures) - place - nobody
        ok = count - len(failures)
        slow = min(slow, count - nobody)
        pair.note(ok, place + own)
        of_place, of_kind = sent or (pair.place.opening, pair.kind.opening)
        has_changed = pair.place.record(of_place, ok + own, place, slow, now_s)
        excused = None if place or self.excuse is None else partial(self.excuse, pool, kind)
        if pair.kind.record(of_kind, ok, place + own, slow, now_s, excused) or has_changed:
            self._tell(pool, kind)

    def _tell(self, pool: int, kind: str) -> None:
        """Say what has changed of the breakers before a kind in a pool."""
        now_s = self._clock()
        for key, breaker in self._of(pool, kind):
            state = breaker.state(now_s)
            before = self._unusual.get(key, CLOSED)
            if state == CLOSED and breaker.forced is None:
                self._unusual.pop(key, None)
            else:
                self._unusual[key] = state
            if state != before:
                name = {OPEN: "breaker.opened", CLOSED: "breaker.closed"}.get(state, "breaker.half_open")
                why = f": {breaker.why}; next try in {breaker.retry_after_s(now_s):.1f} s" if state == OPEN else ""
                self._on_change(name, f"{self._called(key)}{why}")

    def _of(self, pool: int, kind: str) -> Iterator[tuple[tuple[int, str], Breaker]]:
        yield (pool, ""), self._places[pool]
        key = (pool, kind) if (pool, kind) in self._kinds else (pool, REST)
        if key in self._kinds:
            yield key, self._kinds[key]

    def _called(self, key: tuple[int, str]) -> str:
        pool, kind = key
        return f"{kind} in pool {self._names[pool]}" if kind else f"pool {self._names[pool]}"

    # -- operators -----------------------------------------------------------------------------------------------------

    def force(
        self, action: str, pool: str | None = None, kind: str | None = None, *, target: str | None = None
    ) -> list[dict[str, Any]]:
        """Hold breakers open or closed, or let them decide again; returns them.

        action: open, close or auto.  pool: its name, None for all pools.  kind: None for the pools' own breakers, and with
        `auto` for every breaker of them.  target: that of a target outside instead, in the workers of those pools, also in
        those that start later; returns pool, target, state and mode.  Raises BadArgument.
        """
        if action not in ACTIONS:
            raise BadArgument(f"a breaker is told {', '.join(ACTIONS)}, not {action!r:.40}")
        if pool is not None and pool not in self._names:
            raise BadArgument(f"there is no pool {pool!r:.60}; there are: {', '.join(self._names)}")
        pools = range(len(self._names)) if pool is None else [self._names.index(pool)]
        if target is not None:
            if kind is not None:
                raise BadArgument("a breaker is that of a kind or of a target outside, not of both")
            return self._hold(ACTIONS[action], pools, target_name(target))
        meant: list[tuple[int, str]] = [(number, kind or "") for number in pools]
        if kind is None and action == "auto":
            meant += [key for key in self._kinds if key[0] in pools]
            for number, held in [key for key in self._held if key[0] in pools]:
                self._hold(None, [number], held)
        now_s = self._clock()
        for number, one in meant:
            breaker = self._places[number]
            if one:
                self.pair(number, one)
                breaker = self._kinds.get((number, one), self._kinds.get((number, REST), breaker))
            breaker.force(ACTIONS[action])
            (self.isolated.add if action == "open" else self.isolated.discard)((number, one))
            self._tell(number, one)
        return [self._facts(key, now_s) for key in meant]

    def _hold(self, state: str | None, pools: Sequence[int], target: str) -> list[dict[str, Any]]:
        """Hold a target outside in some pools, or let go of it."""
        if state is not None and len(self._held.keys() | {(pool, target) for pool in pools}) > HELD_TARGETS:
            raise BadArgument(f"more than {HELD_TARGETS} targets outside are held, each pool's counted; let go of some: auto")
        for pool in pools:
            if state is None:
                self._held.pop((pool, target), None)
            else:
                self._held[pool, target] = state
            self.on_held(pool, target, state)
        mode = "auto" if state is None else f"forced {state}"
        return [{"pool": self._names[pool], "target": target, "state": state or CLOSED, "mode": mode} for pool in pools]

    def held(self, pool: int) -> dict[str, str]:
        """The targets outside that an operator holds in a pool, and how: what a new worker of it is told."""
        return {target: state for (number, target), state in self._held.items() if number == pool}

    def heard(self, worker: str, said: dict[str, Any]) -> None:
        """A worker says what has become of the breaker of a target outside."""
        target, facts = str(said["target"]), said["facts"]
        self._outside.pop((worker, target), None)
        if facts["state"] != CLOSED or facts["mode"] != "auto":
            self._outside[worker, target] = {**facts, "told_s": self._clock()}
        if said["event"] is not None:
            self._on_change(str(said["event"]), f"{target} as {worker} sees it{': ' + facts['why'] if facts['why'] else ''}")

    def gone(self, worker: str) -> None:
        """A worker's process has ended, and what it knew of targets outside with it."""
        for key in [key for key in self._outside if key[0] == worker]:
            del self._outside[key]

    def outside(self) -> list[dict[str, Any]]:
        """The targets outside that a worker does not simply call, or that are held: worker, target, breaker as said last."""
        now_s = self._clock()
        shown = []
        for (worker, target), facts in sorted(self._outside.items(), key=lambda one: one[0][::-1]):
            said = {name: value for name, value in facts.items() if name != "told_s"}
            if said["retry_after_s"] is not None and said["mode"] == "auto":
                said["retry_after_s"] = round(max(said["retry_after_s"] - (now_s - facts["told_s"]), 0.0), 3)
            shown.append({"worker": worker, "target": target, **said})
        return shown

    def facts(self) -> list[dict[str, Any]]:
        """Every breaker, the pools' own first: pool, kind (None for the pool's own), and what `Breaker.facts` tells."""
        for tell in self.tellers:
            tell()
        now_s = self._clock()
        return [self._facts(key, now_s) for key in [*((pool, "") for pool in range(len(self._names))), *self._kinds]]

    def _facts(self, key: tuple[int, str], now_s: float) -> dict[str, Any]:
        pool, kind = key
        breaker = self._kinds.get(key, self._places[pool]) if kind else self._places[pool]
        return {"pool": self._names[pool], "kind": kind or None, **breaker.facts(now_s)}

    def counts(self) -> dict[str, Any]:
        """How many there are in each state, how often one has opened, and the targets outside that are cut off."""
        facts = self.facts()
        found = {state: sum(one["state"] == state for one in facts) for state in ("closed", "open", "half-open")}
        return {
            "closed": found["closed"],
            "open": found["open"],
            "half_open": found["half-open"],
            "forced": sum(one["mode"] != "auto" for one in facts),
            "openings": sum(one["openings"] for one in facts),
            "outside": self.outside(),
        }


def target_name(name: Any) -> str:
    """The name of a target outside. Raises BadArgument."""
    if type(name) is not str or not 0 < len(name) <= NAME_CHARS or not name.isprintable():
        raise BadArgument(f"a target outside is named by a text of 1 to {NAME_CHARS} printable characters, got {name!r:.80}")
    return name


def _nobody(*_facts: Any) -> None:
    """No worker is there yet."""
