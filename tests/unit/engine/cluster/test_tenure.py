"""A queue is leased for as long as any node needs: never shorter for a moment than who has said more can bear."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.plan import Plan, first_plan
from engine.cluster.records import BadRecord
from engine.cluster.streams import Streams
from engine.cluster.subjects import Subjects
from engine.cluster.tenure import Tenure


class FakePlacing:
    """What the nodes of a cluster have said."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.ms: dict[str, int] = {}

    async def read(self) -> Plan:
        if self.plan is None:
            raise BadRecord("this is no plan")
        return self.plan

    async def say(self, what: str, node: str, version: int) -> None:
        assert what == "lease"
        self.ms[node] = version

    async def said(self, what: str, nodes: list[str]) -> dict[str, int]:
        assert what == "lease"
        return {node: self.ms.get(node, 0) for node in nodes}


class FakeContext:
    """One queue of the servers. changed: called after each change."""

    def __init__(self, wait_s: float | None, changed: Callable[[], None] = lambda: None) -> None:
        self.waits = [] if wait_s is None else [wait_s]
        self.changed = changed

    async def consumer_info(self, _stream: str, _name: str) -> Any:
        from nats.js.errors import NotFoundError

        if not self.waits:
            raise NotFoundError
        return SimpleNamespace(config=SimpleNamespace(ack_wait=self.waits[-1]))

    async def add_consumer(self, _stream: str, config: Any) -> None:
        self.waits.append(config.ack_wait)
        self.changed()


def among(plan: Plan | None, **said_s: float) -> tuple[Tenure, FakePlacing]:
    fake: Any = FakePlacing(plan)
    fake.ms.update({node: round(lease_s * 1_000) for node, lease_s in said_s.items()})
    return Tenure(fake), fake


async def have(context: FakeContext, lease_s: float, tenure: Tenure) -> float:
    fake: Any = Streams.__new__(Streams)
    fake.context, fake.subjects = context, Subjects("c")
    kept_s: float = await fake.queue("queue-any-counter", "c.task.queue.any.counter", lease_s, tenure.longest_s)
    return kept_s


PLAN = first_plan(["n1", "n2"])


async def test_the_longest_that_counts_is_of_a_node_that_may_have_agents() -> None:
    tenure, fake = among(PLAN, n1=1.5, n2=12.0, n9=99.0)
    assert await tenure.longest_s() == 12.0
    await tenure.say("n2", 2.25)
    assert await tenure.longest_s() == 2.25
    step = PLAN.with_drained("n2").next({})
    fake.plan = step
    assert await tenure.longest_s() == 2.25
    fake.plan = step.next({"n1": 2, "n2": 2})
    assert await tenure.longest_s() == 1.5


@pytest.mark.parametrize(("plan", "said"), [(PLAN, {"n1": 1.5}), (None, {"n1": 1.5, "n2": 1.5})])
async def test_what_a_node_needs_that_has_not_said_it_may_be_anything(plan: Plan | None, said: dict[str, float]) -> None:
    tenure, _ = among(plan, **said)
    assert await tenure.longest_s() == inf
    context = FakeContext(12.0)
    assert await have(context, 1.5, tenure) == 12.0
    assert context.waits == [12.0]


@pytest.mark.parametrize(
    ("wait_s", "lease_s", "other_s", "waits"),
    [
        (None, 1.5, 12.0, [1.5]),
        (1.5, 1.5, 1.5, [1.5]),
        (1.5, 12.0, 1.5, [1.5, 12.0]),
        (12.0, 1.5, 12.0, [12.0]),
        (12.0, 1.5, 1.5, [12.0, 1.5]),
        (12.0, 1.5, 3.0, [12.0, 3.0]),
    ],
)
async def test_a_longer_lease_counts_at_once_and_a_shorter_one_when_all_can_bear_it(
    wait_s: float | None, lease_s: float, other_s: float, waits: list[float]
) -> None:
    tenure, _ = among(PLAN, n1=lease_s, n2=other_s)
    context = FakeContext(wait_s)
    assert await have(context, lease_s, tenure) == waits[-1]
    assert context.waits == waits


async def test_who_says_more_while_another_makes_it_shorter_gets_it() -> None:
    tenure, fake = among(PLAN, n1=1.5, n2=1.5)
    context = FakeContext(12.0, lambda: fake.ms.update(n2=12_000))
    assert await have(context, 1.5, tenure) == 12.0
    assert context.waits == [12.0, 1.5, 12.0]
