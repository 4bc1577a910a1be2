"""Gates know what a kind or a tenant has, and tell those that wait when there is room."""

from __future__ import annotations

from pools.errors import RateLimited
from pools.events import Event
from pools.gates import QUIET_S, TENANTS, Gate, Gates
from pools.quota import Quota, Quotas


def test_critical_tasks_have_a_share_that_nobody_else_takes() -> None:
    gate = Gate("kind a", Quota(concurrency=100), 0.0)
    gate.flying = 90
    assert gate.room(is_critical=False) == 0
    assert gate.room(is_critical=True) == 10
    assert Gate("kind a", Quota(), 0.0).room(is_critical=False) is None


def test_who_waits_is_told_once_in_the_order_of_the_waiting() -> None:
    gate = Gate("kind a", Quota(concurrency=1), 0.0)
    told: list[str] = []
    first, second = (lambda: told.append("first")), (lambda: told.append("second"))
    gate.park(first)
    gate.park(second)
    gate.park(first)
    gate.wake()
    gate.wake()
    assert told == ["first", "second"]


def test_too_many_are_told_when_there_will_be_tokens() -> None:
    gate = Gate("kind a", Quota(rate=10.0, burst=2), 0.0)
    assert gate.bucket is not None
    gate.bucket.take(2, 0.0)
    error = gate.limited(1, 0.0)
    assert type(error) is RateLimited
    assert error.retry_after_s == 0.1


def test_what_was_configured_wins_over_what_a_class_says() -> None:
    gates = Gates(Quotas(kinds={"a": Quota(concurrency=5)}), lambda _event: None, now_s=0.0)
    gates.cap("a", 100, 0.0)
    gates.cap("b", 7, 0.0)
    assert (gates.kinds["a"].quota.concurrency, gates.kinds["b"].quota.concurrency) == (5, 7)


def test_tenants_without_limits_have_no_gate_and_the_others_are_bounded() -> None:
    gates = Gates(Quotas(default_tenant=Quota(open=1)), lambda _event: None, now_s=0.0)
    assert gates.tenant("", 0.0) is None
    first = gates.tenant("t0", 0.0)
    assert first is not None
    assert gates.tenant("t0", 0.0) is first
    for number in range(TENANTS + 5):
        gates.tenant(f"t{number}", 0.0)
    assert len(gates._tenants) == TENANTS
    assert Gates(Quotas(), lambda _event: None, now_s=0.0).tenant("t0", 0.0) is None


def test_refusals_are_counted_each_and_told_once_in_a_while() -> None:
    events: list[Event] = []
    gates = Gates(Quotas(), events.append, now_s=0.0)
    for step in range(100):
        gates.count("rate", "a", 2, step / 10)
    assert len(events) == 1
    gates.count("rate", "a", 1, 10 + QUIET_S + 1)
    assert len(events) == 2
    assert gates.facts()["shed"] == {"rate": 201, "open": 0, "deadline": 0, "backlog": 0, "expired": 0}
