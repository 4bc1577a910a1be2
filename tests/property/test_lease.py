"""A lease on a model: messages late, lost, doubled, stale reads, clocks that differ, kills and stops."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.lease import DRIFT, Entry, Lease, Term, Write, read_entry

LEASE_S, CHECK_S = 10.0, 3.0


class Candidate:
    """A process with a clock of its own, which may be stopped for a while."""

    def __init__(self, make: Callable[[str], Lease], name: str, chance: Random) -> None:
        self.lease = make(name)
        self.offset_s = chance.uniform(-1e5, 1e5)
        self.rate = 1 + chance.uniform(-DRIFT / 2.1, DRIFT / 2.1)
        self.is_alive = True
        self.stopped_until_s = 0.0

    def clock(self, now_s: float) -> float:
        return self.offset_s + now_s * self.rate


class World:
    """One store with a compare-and-set entry, and candidates whose messages to it are late, lost or doubled."""

    def __init__(self, seed: int, make: Callable[[str], Lease] | None = None, candidates: int = 3) -> None:
        self.chance = Random(seed)
        self.make = make or (lambda name: Lease(name, Term(LEASE_S, CHECK_S)))
        self.history: list[Entry] = []
        self.now_s = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.names = count()
        self.candidates: list[Candidate] = []
        #: Every token that was ever valid, in the order in which it became so, and its holder.
        self.led: dict[int, str] = {}
        self.loss = self.chance.choice([0.0, 0.1, 0.4])
        self.slowest_s = self.chance.choice([0.1, 2.0, 15.0])
        for _ in range(candidates):
            self.join()

    def at(self, after_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.now_s + after_s, next(self.order), act))

    def join(self) -> None:
        candidate = Candidate(self.make, f"c{next(self.names)}", self.chance)
        self.candidates.append(candidate)
        self.at(self.chance.uniform(0, CHECK_S), lambda: self.tick(candidate))

    def travel(self, arrive: Callable[[], None]) -> None:
        """Have a message arrive some time, or not, or twice."""
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            if self.chance.random() >= self.loss:
                self.at(self.chance.uniform(0, self.slowest_s), arrive)

    def deliver(self, candidate: Candidate, take: Callable[[], None]) -> None:
        """Have a candidate take something in, once it runs."""
        if not candidate.is_alive:
            return
        if self.now_s < candidate.stopped_until_s:
            self.at(candidate.stopped_until_s - self.now_s, lambda: self.deliver(candidate, take))
            return
        take()

    def tick(self, candidate: Candidate) -> None:
        if not candidate.is_alive:
            return

        def ask() -> None:
            old = self.chance.random() < 0.2 and self.history
            found = self.chance.choice(self.history[-3:]) if old else (self.history[-1] if self.history else None)
            self.travel(lambda: self.deliver(candidate, lambda: self.told(candidate, found)))

        def go() -> None:
            self.travel(ask)
            self.at(CHECK_S, lambda: self.tick(candidate))

        self.deliver(candidate, go)

    def told(self, candidate: Candidate, entry: Entry | None) -> None:
        wanted = candidate.lease.look(entry, candidate.clock(self.now_s))
        if wanted is not None:
            self.send(candidate, wanted)

    def send(self, candidate: Candidate, wanted: Write) -> None:
        def arrive() -> None:
            if (self.history[-1].revision if self.history else 0) != wanted.last:
                return
            revision = wanted.last + self.chance.choice([1, 1, 5])
            self.history.append(read_entry(revision, wanted.data))

            def told() -> None:
                candidate.lease.written(wanted.number, revision, candidate.clock(self.now_s))

            self.travel(lambda: self.deliver(candidate, told))

        self.travel(arrive)

    def disturb(self) -> None:
        candidate = self.chance.choice(self.candidates)
        match self.chance.randrange(4):
            case 0:
                candidate.stopped_until_s = self.now_s + self.chance.uniform(0, 30)
            case 1:
                candidate.is_alive = False
                self.candidates.remove(candidate)
                self.join()
            case 2:
                wanted = candidate.lease.release(candidate.clock(self.now_s))
                if wanted is not None:
                    self.send(candidate, wanted)
                self.candidates.remove(candidate)
                self.join()
            case _:
                pass
        self.at(self.chance.expovariate(1 / 12), self.disturb)

    def check(self) -> None:
        valid = [
            (token, each.lease.holder)
            for each in self.candidates
            if (token := each.lease.token(each.clock(self.now_s))) is not None
        ]
        assert len(valid) <= 1, f"at {self.now_s:.3f} s {valid} lead"
        for token, holder in valid:
            assert self.led.setdefault(token, holder) == holder, "two had the same token"
            assert token == max(self.led), "a lower token was valid after a higher one"

    def run(self, until_s: float, *, is_disturbed: bool = True) -> None:
        if is_disturbed:
            self.at(5.0, self.disturb)
        while self.events and self.events[0][0] <= until_s:
            self.now_s, _, act = heapq.heappop(self.events)
            self.check()
            act()
            self.check()


def various(kind: type[Lease] = Lease) -> Callable[[str], Lease]:
    """Leases of candidates that were told of different times, as in the midst of a change."""
    return lambda name: kind(name, Term(LEASE_S * (1 + int(name[1:]) % 3), CHECK_S))


@given(st.integers(0, 2**32))
def test_two_never_lead_at_once_and_tokens_only_grow(seed: int) -> None:
    World(seed).run(400.0)


@given(st.integers(0, 2**32))
def test_two_never_lead_at_once_where_they_were_told_of_different_times(seed: int) -> None:
    World(seed, various()).run(400.0)


def test_over_many_histories_there_is_a_leader_most_of_the_time(chance: Random) -> None:
    led = 0
    for _ in range(30):
        world = World(chance.randrange(2**32))
        world.run(200.0)
        led += len(world.led)
    assert led > 60


@given(st.integers(0, 2**32))
def test_when_messages_arrive_again_one_leads_within_two_leases_and_goes_on(seed: int) -> None:
    world = World(seed)
    world.run(100.0)
    world.loss, world.slowest_s = 0.0, 0.1
    world.events = [event for event in world.events if event[2] != world.disturb]
    for candidate in world.candidates:
        candidate.stopped_until_s = 0.0
    world.run(100.0 + 60.0, is_disturbed=False)
    leaders = [each for each in world.candidates if each.lease.token(each.clock(world.now_s)) is not None]
    assert len(leaders) == 1
    token = leaders[0].lease.token(leaders[0].clock(world.now_s))
    world.run(220.0, is_disturbed=False)
    assert leaders[0].lease.token(leaders[0].clock(world.now_s)) == token


class CountsFromTheAnswer(Lease):
    """Wrong: its lease begins when it hears that it has it."""

    def written(self, number: int, revision: int, now_s: float) -> None:
        if number in self._sent:
            self._sent[number] = (now_s, *self._sent[number][1:])
        super().written(number, revision, now_s)


class TakesEarly(Lease):
    """Wrong: it does not wait as long as the holder believes to hold."""

    def look(self, entry: Entry | None, now_s: float) -> Write | None:
        if self._seen_s is not None:
            self._seen_s -= 2.0
        return super().look(entry, now_s)


@pytest.mark.parametrize("wrong", [CountsFromTheAnswer, TakesEarly])
def test_a_wrong_lease_would_be_found(wrong: Any) -> None:
    with pytest.raises(AssertionError, match="lead"):
        for seed in range(3_000):
            World(seed, lambda name: wrong(name, Term(LEASE_S, CHECK_S))).run(300.0)


class GoesByItsOwn(Lease):
    """Wrong: it waits for as long as it would hold the lease itself."""

    def look(self, entry: Entry | None, now_s: float) -> Write | None:
        return super().look(None if entry is None else entry._replace(lease_s=0.0), now_s)


def test_a_lease_that_ignores_how_long_another_is_would_be_found() -> None:
    with pytest.raises(AssertionError, match="lead"):
        for seed in range(3_000):
            World(seed, various(GoesByItsOwn)).run(300.0)
