"""Whatever comes in whatever order: a breaker admits no more probes than it may, and is never stuck."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pools.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerSpec, Permit

#: What may happen: time passes, somebody asks for calls, some of those that were admitted end (also late), an operator acts.
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0.0, 90.0)),
        st.tuples(st.just("ask"), st.integers(1, 50)),
        st.tuples(st.just("end"), st.integers(0, 1_000), st.integers(1, 50), st.sampled_from(["ok", "failed", "slow"])),
        st.tuples(st.just("back"), st.integers(0, 1_000)),
        st.tuples(st.just("force"), st.sampled_from([OPEN, CLOSED, None])),
    ),
    max_size=200,
)
SPECS = st.builds(
    BreakerSpec,
    probes=st.integers(1, 5),
    in_a_row=st.integers(1, 10),
    minimum=st.integers(1, 30),
    window_calls=st.sampled_from([0, 0, 10, 100]),
    open_s=st.floats(0.1, 5.0),
)


class Driver:
    """A breaker and everything that was admitted, by the opening that admitted it."""

    def __init__(self, spec: BreakerSpec, seed: int) -> None:
        self.spec = spec
        self.breaker = Breaker(spec, Random(seed))
        self.now_s = 0.0
        self.out: list[Permit] = []
        self.probes: dict[int, int] = {}

    def ask(self, count: int) -> None:
        state, opening = self.breaker.state(self.now_s), self.breaker.opening
        permit = self.breaker.admit(self.now_s, count)
        if state == OPEN:
            assert permit is None
            return
        if permit is None:
            assert state == HALF_OPEN
            return
        assert permit.opening == opening
        assert 0 < permit.count <= count
        if state == CLOSED:
            assert permit.count == count
        else:
            self.probes[opening] = self.probes.get(opening, 0) + permit.count
            assert self.probes[opening] <= self.spec.probes
        self.out.append(permit)

    def end(self, at: int, count: int, how: str) -> None:
        if not self.out:
            return
        permit = self.out.pop(at % len(self.out))
        count = min(count, permit.count)
        if permit.count > count:
            self.out.append(replace(permit, count=permit.count - count))
        self.breaker.state(self.now_s)
        before, seen = self.breaker.opening, self.breaker.facts(self.now_s)
        ok, failed = (0, count) if how == "failed" else (count, 0)
        changed = self.breaker.record(permit.opening, ok, failed, ok if how == "slow" else 0, self.now_s)
        if permit.opening != before:
            assert not changed
            assert self.breaker.facts(self.now_s) == seen

    def back(self, at: int) -> None:
        """Give a permit back at once: its calls were not made."""
        if self.out:
            permit = self.out.pop(at % len(self.out))
            known = self.probes.get(permit.opening)
            self.breaker.give_back(permit, permit.count)
            if known is not None:
                self.probes[permit.opening] = known - permit.count

    def act(self, what: str, *facts: object) -> None:
        if what == "pass":
            self.now_s += float(facts[0])  # type: ignore[arg-type]
        elif what == "force":
            self.breaker.force(facts[0])  # type: ignore[arg-type]
        else:
            getattr(self, what)(*facts)


@settings(max_examples=400, deadline=None)
@given(SPECS, st.integers(0, 2**32), ACTS)
def test_no_schedule_of_calls_finishes_and_late_finishes_admits_more_probes_than_the_limit(
    spec: BreakerSpec, seed: int, acts: list[tuple[object, ...]]
) -> None:
    driver = Driver(spec, seed)
    for what, *facts in acts:
        driver.act(str(what), *facts)
        facts_now = driver.breaker.facts(driver.now_s)
        assert 0 <= int(str(facts_now["failed"])) <= int(str(facts_now["calls"]))
        assert 0 <= int(str(facts_now["slow"])) <= int(str(facts_now["calls"]))


@settings(max_examples=200, deadline=None)
@given(SPECS, st.integers(0, 2**32), ACTS, st.booleans())
def test_from_wherever_it_is_it_closes_once_everything_goes_well(
    spec: BreakerSpec, seed: int, acts: list[tuple[object, ...]], is_stuck: bool
) -> None:
    """Also while probes are out that never come back."""
    driver = Driver(spec, seed)
    for what, *facts in acts:
        driver.act(str(what), *facts)
    breaker = driver.breaker
    if breaker.forced is not None:
        breaker.force(None)
    if is_stuck:  # every probe is out, and none comes back
        driver.now_s += spec.open_most_s * 2 + spec.probe_s
        while breaker.state(driver.now_s) == CLOSED:
            breaker.record(breaker.opening, 0, 1, 0, driver.now_s)
        driver.now_s = breaker.retry_after_s(driver.now_s) + driver.now_s + 0.001
        breaker.admit(driver.now_s, spec.probes)
        assert breaker.admit(driver.now_s) is None
    longest_s = spec.open_most_s * (1 + spec.jitter)
    for _ in range(2):
        driver.now_s += longest_s + spec.probe_s
        while (permit := breaker.admit(driver.now_s)) is not None and breaker.state(driver.now_s) != CLOSED:
            breaker.record(permit.opening, 1, 0, 0, driver.now_s)
    assert breaker.state(driver.now_s) == CLOSED


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_each_opening_that_follows_is_twice_as_long_within_its_jitter_up_to_the_most(seed: int, times: int) -> None:
    spec = BreakerSpec(in_a_row=1)
    breaker = Breaker(spec, Random(seed))
    now_s = 0.0
    breaker.record(breaker.opening, 0, 1, 0, now_s)
    for nth in range(times):
        open_s = min(spec.open_s * 2**nth, spec.open_most_s)
        assert breaker.admit(now_s + open_s * (1 - spec.jitter) - 1e-6) is None
        now_s += open_s * (1 + spec.jitter)
        permit = breaker.admit(now_s)
        assert permit is not None
        breaker.record(permit.opening, 0, 1, 0, now_s)
