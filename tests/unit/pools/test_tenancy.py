"""A tenant's tasks are counted while they are open."""

from __future__ import annotations

from pools.errors import Overloaded, RateLimited
from pools.gates import Gates
from pools.quota import Quota, Quotas
from pools.tenancy import Tenancy


def gates_of(quota: Quota) -> Gates:
    return Gates(Quotas(tenants={"a": quota}), lambda _event: None, now_s=0.0)


def test_no_more_than_may_be_open_are_and_each_end_makes_room() -> None:
    gates = gates_of(Quota(open=2))
    tenancy = Tenancy("a", gates, lambda: 0.0)
    assert [tenancy.enter(), tenancy.enter()] == [None, None]
    assert type(tenancy.enter()) is Overloaded
    tenancy.leave(1)
    assert tenancy.enter() is None
    assert gates.shed["open"] == 1


def test_no_more_begin_than_the_rate_says() -> None:
    gates = gates_of(Quota(rate=1.0, burst=2))
    tenancy = Tenancy("a", gates, lambda: 0.0)
    assert [type(tenancy.enter()) for _ in range(3)] == [type(None), type(None), RateLimited]
    assert gates.shed["rate"] == 1


def test_a_tenant_without_limits_is_not_counted() -> None:
    tenancy = Tenancy("b", gates_of(Quota(open=1)), lambda: 0.0)
    assert [tenancy.enter() for _ in range(5)] == [None] * 5
    tenancy.leave(5)
