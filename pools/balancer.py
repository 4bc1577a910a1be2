"""Which agents take the tasks that were sent to a kind.

Owns the choice only: it reads loads and sends nothing. A worker's load is what it has in flight against what it can take: the
weight of its pool, less where tasks of the kind take longer than elsewhere. Pools whose breakers admit nothing are passed over.
At the worker an idle agent is looked for in turn, else the shorter of two mailboxes is taken.

Source: Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (2001); Finagle's PeakEwma for load times latency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from random import Random
from time import monotonic, monotonic_ns
from zlib import crc32

from pools.address import Key
from pools.assignment import Candidate, assign_optimal
from pools.breakers import Breakers
from pools.errors import PoolError
from pools.gauges import BUSY_SINCE_NS
from pools.placement import Placement, shares
from pools.pool import Pool
from pools.rota import Agents, Rota
from pools.seat import Seat
from pools.sight import Sight
from pools.spec import STICKY_KEYS
from pools.talents import Talented

__all__ = ["Balancer", "Dealt", "fill"]

#: What one worker gets of a batch: pool, worker, and the agents, of which each may be named more than once.
Dealt = tuple[int, int, Sequence[Key]]

#: No skills: those that an agent has by its class alone.
NONE: frozenset[str] = frozenset()
#: Seconds below which a difference between two workers' times says nothing of them.
EVEN_S = 0.005
#: How many times slower than the fastest a worker may be before it counts as slow: queues alone make that much.
EVEN_TIMES = 2.0
#: Seconds without an answer after which a worker counts half as slow, so that it is tried again.
HALVED_S = 10.0
#: Seconds that a worker is busy with one task before that counts as lag: a turn of its loop takes a quarter of it.
LAG_S = 0.02
#: Agents that are looked at for one that has nothing to do.
LOOKS = 16


class _Target:
    """One worker that has agents of a kind.

    given: tasks it got since something was offered to its link, which does not know them yet, and by agent where that was
    looked at.  turns: all of them.
    """

    __slots__ = ("given", "given_to", "pool", "rota", "seat", "seen", "turns", "weight", "worker")

    def __init__(self, pool: int, worker: int, seat: Seat, rota: Rota, weight: float) -> None:
        self.pool = pool
        self.worker = worker
        self.seat = seat
        self.rota = rota
        self.weight = weight
        self.given = self.turns = 0
        self.given_to: Counter[Key] = Counter()
        self.seen = -1

    @property
    def load(self) -> int:
        """Tasks in flight or on their way."""
        link = self.seat.link
        if link.offers != self.seen:
            self.seen, self.given = link.offers, 0
            self.given_to.clear()
        return link.open + link.waiting + self.given

    def take(self, count: int) -> list[Key]:
        """The agents whose turn it is."""
        self.given += count
        self.turns += count
        return self.rota.take(self.worker, count)


class _Field:
    """The workers that have agents of a kind."""

    __slots__ = ("hosts", "rotas", "stamp", "targets")

    def __init__(self) -> None:
        self.stamp = (-1, -1)
        self.hosts: list[int] = []
        self.rotas: dict[int, Rota] = {}
        self.targets: list[_Target] = []


class Balancer:
    """Chooses agents. clock: monotonic seconds."""

    def __init__(
        self,
        placement: Placement,
        pools: Sequence[Pool],
        breakers: Breakers,
        *,
        clock: Callable[[], float] = monotonic,
        chance: Random | None = None,
    ) -> None:
        self._placement = placement
        self._pools = pools
        self._breakers = breakers
        self._clock = clock
        self._chance = chance or Random()
        self._fields: dict[tuple[str, frozenset[str]], _Field] = {}
        #: The agents of sticky keys, by kind and key; and who keeps those that are new, where state is kept.
        self.sticky: dict[tuple[str, str], Key] = {}
        self.on_stick: Callable[[str, str, Key], None] | None = None

    # -- one task ------------------------------------------------------------------------------------------------------

    def pick(self, kind: str, turn: int | None = None, *, is_again: bool = False) -> Key:
        """An agent of the kind, for a task that is sent now. Raises UnknownKind, CircuitOpen.

        turn: the number of the task at its sender: the same agent for the same number, whatever the load.  is_again: it may
        have been sent before, so that it goes there whatever the breakers say now.
        """
        field = self._field(kind)
        if turn is not None:
            if is_again or self._breakers.is_calm or self._breakers.admit(field.hosts[turn % len(field.hosts)], kind, 1):
                return self.named_by(kind, turn)
            raise self._breakers.refusal(kind, field.hosts)
        now_s = self._clock()
        targets = self._up(field)
        slowness = self._slowness(kind, targets, now_s)
        order = sorted(range(len(targets)), key=lambda at: _rank(targets[at], slowness[at]))
        for target in [targets[at] for at in order]:
            if self._breakers.admit(target.pool, kind, 1):
                return self._agent(kind, target)
        raise self._breakers.refusal(kind, field.hosts)

    def choose(self, kind: str) -> Key:
        """An agent for a task that is sent later, where breakers are asked again. Raises UnknownKind."""
        field = self._field(kind)
        targets = self._up(field)
        breakers = self._breakers
        if not breakers.is_calm:
            targets = [target for target in targets if breakers.is_open_to(target.pool, kind)] or targets
        slowness = self._slowness(kind, targets, self._clock())
        return self._agent(kind, targets[min(range(len(targets)), key=lambda at: _rank(targets[at], slowness[at]))])

    def stick(self, kind: str, name: str) -> Key:
        """The agent of a kind that a sticky key belongs to: the same one, as long as it exists. Raises UnknownKind."""
        known = self.sticky.get((kind, name))
        if known is not None and self._placement.has(kind, known):
            return known
        hosts = self._field(kind).hosts
        number = crc32(name.encode())
        self.sticky.pop((kind, name), None)
        if len(self.sticky) >= STICKY_KEYS:
            del self.sticky[next(iter(self.sticky))]
        key = self.sticky[kind, name] = self._placement.nth(kind, hosts[number % len(hosts)], number // len(hosts))
        if self.on_stick is not None:
            self.on_stick(kind, name, key)
        return key

    def named_by(self, kind: str, turn: int) -> Key:
        """The agent that a number says, whatever the breakers say. Raises UnknownKind."""
        hosts = self._field(kind).hosts
        return self._placement.nth(kind, hosts[turn % len(hosts)], turn // len(hosts))

    def _agent(self, kind: str, target: _Target) -> Key:
        """The agent whose turn it is at a worker, or the next one that has nothing to do."""
        target.given += 1
        target.turns += 1
        if target.seat.link.sight is None or target.rota.size(target.worker) == 1:
            (key,) = target.rota.take(target.worker, 1)
        else:
            key = self._idle(kind, target, target.seat.link.sight)
            target.given_to[key] += 1
        return key

    def _idle(self, kind: str, target: _Target, sight: Sight) -> Key:
        """The first of the next agents that has nothing to do; where none is found, the shorter of two mailboxes.

        What was given meanwhile is shared by all: who has no more of it than his part counts as idle.
        """
        rota, worker, given = target.rota, target.worker, target.given_to
        (key,) = rota.take(worker, 1)
        size = rota.size(worker)
        part = (target.given - 1) // size
        sight.count(kind, size)
        least = sight.flying(kind, key) + given[key]
        if least <= part:
            return key
        for _ in range(min(LOOKS, size - 1)):
            (other,) = rota.take(worker, 1)
            if sight.flying(kind, other) + given[other] <= part:
                return other
        other = rota.at(worker, self._chance.random())
        return other if sight.flying(kind, other) + given[other] < least else key

    # -- many tasks ----------------------------------------------------------------------------------------------------

    def choose_some(self, kind: str, count: int) -> list[Key]:
        """The same as `choose` for some tasks at once, where no breaker stands before anybody. Raises UnknownKind."""
        targets = self._up(self._field(kind))
        keys: list[Key] = []
        for target, part in self._filled(kind, targets, count):
            keys += self._agents(kind, target, part)
        return keys

    def _filled(self, kind: str, targets: Sequence[_Target], count: int) -> Iterator[tuple[_Target, int]]:
        """How many of some tasks each worker gets; those that get none are left out."""
        slowness = self._slowness(kind, targets, self._clock())
        capacities = [target.weight / slow for target, slow in zip(targets, slowness, strict=True)]
        for target, part in zip(targets, fill([target.load for target in targets], capacities, count), strict=True):
            if part:
                yield target, part

    def _agents(self, kind: str, target: _Target, count: int) -> list[Key]:
        """The agents whose turn it is at a worker; those that have something to do are passed over while others have nothing.

        As for one task, who has no more than his part of what is given here counts as idle. Where too few are, those with the
        least to do get the rest.
        """
        rota, worker, sight = target.rota, target.worker, target.seat.link.sight
        size = rota.size(worker)
        if sight is None or size == 1:
            return target.take(count)
        target.given += count
        target.turns += count
        sight.count(kind, size)
        part, given = (target.given - 1) // size, target.given_to
        chosen: list[Key] = []
        passed: dict[Key, int] = {}
        left = count + size
        while (wanted := min(count - len(chosen), left)) > 0 and len(passed) < size:
            left -= wanted
            for key in rota.take(worker, wanted):
                load = sight.flying(kind, key) + given[key]
                if load <= part:
                    chosen.append(key)
                    given[key] += 1
                else:
                    passed[key] = load
        rest = list(islice(cycle(sorted(passed, key=passed.__getitem__)), count - len(chosen)))
        given.update(rest)
        return chosen + rest

    def deal(self, kind: str, count: int, *, is_idle_first: bool = False) -> list[Dealt]:
        """Agents for `count` tasks that are sent now: fewer where breakers admit fewer. Raises UnknownKind.

        Workers are filled up to one level of load, as water fills a vessel; at each the agents take turns, whoever is idle: an
        agent that fails at once is idle soonest, and would draw all that comes.  is_idle_first: as `pick` would choose.
        """
        field = self._field(kind)
        targets = self._up(field)
        slowness = self._slowness(kind, targets, self._clock())
        dealt: list[Dealt] = []
        while count and targets:
            capacities = [target.weight / slow for target, slow in zip(targets, slowness, strict=True)]
            parts = fill([target.load for target in targets], capacities, count)
            shut: set[int] = set()
            for target, part in zip(targets, parts, strict=True):
                admitted = self._breakers.admit(target.pool, kind, part) if part else 0
                if admitted < part:
                    shut.add(target.pool)
                if admitted:
                    count -= admitted
                    keys = self._agents(kind, target, admitted) if is_idle_first else target.take(admitted)
                    dealt.append((target.pool, target.worker, keys))
            slowness = [slow for target, slow in zip(targets, slowness, strict=True) if target.pool not in shut]
            targets = [target for target in targets if target.pool not in shut]
        return dealt

    def assign(
        self, skills: Mapping[str, frozenset[str]], wanted: Sequence[frozenset[str]]
    ) -> list[tuple[str, Key] | PoolError | None]:
        """Kind and key for tasks that want skills, where they are done well and soon; None where nobody has them.

        skills: of each kind.  An error instead where breakers admit none of those who have them.
        """
        places: list[tuple[str, _Target]] = []
        candidates: list[Candidate] = []
        able = [(kind, given, own) for kind, given, own in self._skilled(skills) if any(own >= each for each in wanted)]
        for kind, given, own in able:
            targets = self._up(self._field(kind, given))
            for target, slow in zip(targets, self._slowness(kind, targets, self._clock()), strict=True):
                if self._breakers.is_open_to(target.pool, kind):
                    success = self._breakers.pair(target.pool, kind).success / slow
                    places.append((kind, target))
                    candidates.append(Candidate(own, success, target.load, target.rota.size(target.worker)))
        found: list[tuple[str, Key] | PoolError | None] = []
        for each, at in zip(wanted, assign_optimal(wanted, candidates), strict=True):
            if at is not None and self._breakers.admit(places[at][1].pool, places[at][0], 1):
                found.append((places[at][0], self._agent(*places[at])))
            else:
                others = [(kind, given) for kind, given, own in able if own >= each]
                found.append(self._breakers.refusal(others[0][0], self._field(*others[0]).hosts) if others else None)
        return found

    def _skilled(self, skills: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
        """Who there is: all agents of a kind, and those that were given skills; with these, and all that they have."""
        for kind, own in skills.items():
            if self._placement.stamp(kind)[0]:
                yield kind, NONE, own
                for given in self._placement.talents.sets(kind):
                    yield kind, given, own | given

    # -- what there is to choose from ----------------------------------------------------------------------------------

    def _field(self, kind: str, given: frozenset[str] = NONE) -> _Field:
        """The workers that have agents of a kind, or those that were given some skills, as they are now. Raises UnknownKind."""
        field = self._fields.get((kind, given))
        placement = self._placement
        agents: Agents = placement
        if given:
            agents = Talented(placement.talents, given, placement.pools, placement.worker_of)
        stamp = agents.stamp(kind)
        if field is None or field.stamp != stamp:
            hosts = agents.holders(kind)
            field = self._fields.setdefault((kind, given), _Field())
            field.stamp, field.hosts = stamp, hosts
            before = {(target.pool, target.worker): target for target in field.targets}
            field.targets = []
            for pool in hosts:
                rota = field.rotas.setdefault(pool, Rota(agents, kind, pool))
                rota.refresh()
                for worker, seat in enumerate(self._pools[pool].seats):
                    if rota.has(worker):
                        made = _Target(pool, worker, seat, rota, self._placement.pools[pool].weight)
                        field.targets.append(before.get((pool, worker), made))
        return field

    @staticmethod
    def _up(field: _Field) -> list[_Target]:
        """Those workers that run; else those that are paused, or will run; else all, whose links say why they are down."""
        up = [target for target in field.targets if target.seat.state == "running"]
        running = [target for target in up if not target.seat.link.is_held] or up
        return running or [target for target in field.targets if target.seat.state != "down"] or field.targets

    def _slowness(self, kind: str, targets: Sequence[_Target], now_s: float) -> list[float]:
        """How slow each worker is, 1 for one that is as the others."""
        times = [_time_s(kind, target) for target in targets]
        least = min((time_s for time_s in times if time_s is not None), default=EVEN_S)
        found = []
        for target, time_s in zip(targets, times, strict=True):
            times_slower = 1.0 if time_s is None else time_s / least / EVEN_TIMES
            if times_slower > 1.0 and target.seat.link.sight is not None:
                idle_s = now_s - target.seat.link.sight.seen_s(kind)
                times_slower = max(times_slower * 0.5 ** (idle_s / HALVED_S), 1.0)
            found.append(max(times_slower, 1.0))
        return found

    def turns(self) -> Counter[str]:
        """Tasks that each pool got by its choice, by name."""
        counts: Counter[str] = Counter()
        for field in self._fields.values():
            for target in field.targets:
                counts[self._pools[target.pool].name] += target.turns
        return counts


def _rank(target: _Target, slowness: float) -> tuple[float, float]:
    share = slowness / target.weight
    return (target.load + 1) * share, target.turns * share


def _time_s(kind: str, target: _Target) -> float | None:
    """Seconds that a task of a kind takes at a worker, or has been standing there already; None where nothing is known."""
    seat = target.seat
    usual_s = None if seat.link.sight is None else seat.link.sight.usual_s(kind)
    since_ns = seat.cells[BUSY_SINCE_NS]
    lag_s = (monotonic_ns() - since_ns) / 1e9 if since_ns else 0.0
    if lag_s < LAG_S:
        return None if usual_s is None else max(usual_s, EVEN_S)
    return max(usual_s or 0.0, lag_s, EVEN_S)


def fill(loads: Sequence[float], capacities: Sequence[float], count: int) -> list[int]:
    """How many of `count` tasks each gets, so that loads are as even as they can be, each against its capacity.

    capacities: above 0.  Returns whole numbers that add up to count; numpy would cost more than it saves for so few.
    """
    order = sorted(range(len(loads)), key=lambda at: loads[at] / capacities[at])
    room = below = 0.0
    level = 0.0
    for nth, at in enumerate(order):
        room += capacities[at]
        below += loads[at]
        level = (count + below) / room
        if nth + 1 < len(order) and level <= loads[order[nth + 1]] / capacities[order[nth + 1]]:
            break
    wanted = [max(level * capacity - load, 0.0) for load, capacity in zip(loads, capacities, strict=True)]
    return shares(count, wanted) if sum(wanted) > 0 else [count, *([0] * (len(loads) - 1))]
