"""What may be accepted: no more of a kind or tenant than may be open, and nothing that would come too late."""

from __future__ import annotations

from typing import Any

import pytest

from engine import admission as module
from engine.admission import Admission
from engine.options import Options
from engine.submission import Submission
from engine.task import Task
from pools.errors import Overloaded
from pools.gates import Gates
from pools.quota import Quota, Quotas
from tests.support.clocks import Clock


class Rig:
    """One admission; `ahead` tasks wait of each kind."""

    def __init__(self, quotas: Quotas | None = None) -> None:
        self.clock = Clock()
        self.waiting = 0
        self.events: list[Any] = []
        self.gates = None if quotas is None else Gates(quotas, self.events.append, now_s=self.clock.s())
        self.admission = Admission(self.gates, lambda _kind, _priority: self.waiting, self.clock.s)
        self._number = 0

    def enter(self, *addresses: str, tenant: str = "") -> list[Task]:
        """Have tasks accepted, if they may be."""
        options = Options(tenant=tenant)
        self.admission.check([Submission(None, address, "add", None, None, options=options) for address in addresses])
        tasks = [Task(at, None, address, "add", None, 0.0, options=options) for at, address in enumerate(addresses)]
        self.admission.accepted(tasks)
        return tasks

    def timely(self, deadline_s: float, count: int = 1) -> None:
        """Look at tasks with a deadline."""
        self.admission.check([Submission(None, "counter", "add", None, deadline_s)] * count)

    def drained(self, count: int, rate: float) -> None:
        """Have so many tasks end at a rate, with others behind them."""
        for _ in range(count):
            self.clock.pass_s(1 / rate)
            self.admission.ended([Task(1, None, "counter/1", "add", None, 0.0)])


def test_no_more_of_a_kind_are_open_than_may_be_and_each_end_makes_room() -> None:
    rig = Rig(Quotas(kinds={"counter": Quota(open=3)}))
    tasks = rig.enter("counter", "counter/1", "other")
    with pytest.raises(Overloaded, match="kind counter has 3 tasks open") as caught:
        rig.enter("counter", "counter/7")
    assert caught.value.retry_after_s
    rig.enter("counter/7")
    rig.admission.ended(tasks[:1])
    rig.enter("counter")
    with pytest.raises(Overloaded):
        rig.enter("counter")
    rig.admission.refused(tasks[1:2])  # what could not be written down takes no room
    rig.enter("counter")
    assert rig.gates is not None
    assert rig.gates.shed["open"] == 3
    assert [event.name for event in rig.events] == ["pressure.shed"]


def test_each_tenant_has_its_own_limit_and_who_is_none_has_none() -> None:
    rig = Rig(Quotas(tenants={"acme": Quota(open=2)}, default_tenant=Quota(open=1)))
    rig.enter("counter", "other", tenant="acme")
    for tenant, address in (("acme", "third"), ("someone", "counter")):
        rig.enter(address, tenant="someone") if tenant == "someone" else None
        with pytest.raises(Overloaded, match=f"tenant {tenant} has"):
            rig.enter(address, tenant=tenant)
    rig.enter(*["counter"] * 10)


def test_without_limits_nothing_is_counted() -> None:
    rig = Rig()
    tasks = rig.enter(*["counter"] * 10)
    rig.admission.ended(tasks)
    assert not rig.admission._open


def test_what_would_come_too_late_is_refused_once_it_is_known_how_fast_they_end() -> None:
    rig = Rig(Quotas())
    rig.waiting = 100
    rig.timely(0.001)  # nothing is known yet
    rig.drained(100, rate=100.0)
    rig.timely(2.0)
    with pytest.raises(Overloaded, match=r"wait for 1.0.* s, and one is to end within 1 s") as caught:
        rig.timely(1.0)
    assert caught.value.retry_after_s == pytest.approx(0.25, abs=0.1)
    with pytest.raises(Overloaded):
        rig.timely(2.0, count=100)  # those that come with it are before it
    rig.waiting = 0
    rig.timely(0.001)  # nobody waits, so it may be at once
    assert rig.gates is not None
    assert rig.gates.shed["deadline"] == 2


def test_so_many_kinds_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KINDS", 2)
    rig = Rig()
    for kind in "abc":
        rig.admission.check([Submission(None, kind, "add", None, 1.0)])
    assert list(rig.admission._drains) == ["c"]
