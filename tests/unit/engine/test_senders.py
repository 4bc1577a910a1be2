"""One way to ask for each priority and tenant: made once, with its own lanes, patient where that is wanted."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from engine import senders as module
from engine.senders import Sender, Senders
from engine.tally import Tally
from pools.asks import Asks
from pools.errors import BadArgument, Overloaded, RateLimited
from pools.events import Event
from pools.gates import Gates
from pools.link import Link
from pools.quota import Quota, Quotas
from tests.support.clocks import Clock
from tests.support.wires import Wire, reply


class Rig:
    """The senders of a swarm of one link. Needs a running loop."""

    def __init__(self, quotas: Quotas | None = None) -> None:
        clock = Clock()
        self.wire = Wire()
        self.link = Link(window=1_000, clock=clock.s, later=clock.later)
        self.link.attach(self.wire)
        self.gates = Gates(quotas or Quotas(), lambda _event: None, now_s=0.0)
        self.routes = self
        self.tracer = None
        self.events: list[Event] = []
        self.tally = Tally()
        self.watched: list[Any] = []
        self.senders = Senders(cast("Any", self), self.tally, self.events.append, _nobody, self.watched.append)

    def resolve(self, _address: str) -> tuple[Link, str, int]:
        return self.link, "counter", 1

    def deal(self, _kind: str, count: int, *, is_idle_first: bool) -> Any:
        assert is_idle_first
        return [(self.link, [2] * count)], None


def _nobody(*_arguments: Any, **_named: Any) -> Any:
    raise AssertionError("nobody asks everybody here")


class Refusing:
    """Asks that are refused so many times, and then answered."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.asked: list[Any] = []

    def ask(self, *arguments: Any, **named: Any) -> asyncio.Future[Any]:
        self.asked.append((arguments, named))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_exception(self.refusals.pop(0)) if self.refusals else future.set_result(7)
        return future


async def test_the_same_priority_and_tenant_is_the_same_sender_and_another_one_another() -> None:
    senders = Rig().senders
    plain = senders.get()
    assert plain is senders.get(1, "")
    assert len({id(senders.get(*which)) for which in ((1, ""), (3, ""), (1, "acme"), (3, "acme"))}) == 4


async def test_what_every_sender_sends_to_kinds_is_looked_at() -> None:
    rig = Rig()
    senders = [rig.senders.get(priority, tenant) for priority, tenant in ((0, ""), (1, ""), (1, "shop"))]
    assert rig.watched == [sender.asks for sender in senders]
    for sender in senders:
        assert sender.asks.deal is not None
        assert sender.asks.deal("counter", 2) == ([(rig.link, [2, 2])], None)


async def test_a_task_leaves_with_its_sender_s_priority() -> None:
    rig = Rig()
    futures = [rig.senders.get(priority).ask("counter/1", "get") for priority in (1, 0, 3)]
    await asyncio.sleep(0)
    sections = rig.wire.sections
    assert [section.get("pr") for section in sections] == [None, 0, 3]
    for section in sections:
        rig.link.take([reply(section, lambda _key: 5)])
    assert await asyncio.gather(*futures) == [5, 5, 5]
    assert rig.tally.as_dict()["done"] == 3


async def test_a_tenant_s_rate_is_its_own_also_between_priorities() -> None:
    rig = Rig(Quotas(tenants={"acme": Quota(rate=0.001, burst=1)}))
    rig.senders.get(1, "acme").ask("counter/1", "get").cancel()
    with pytest.raises(RateLimited, match="tenant acme"):
        await rig.senders.get(3, "acme").ask("counter/1", "get")
    rig.senders.get(3).ask("counter/1", "get").cancel()


async def test_so_many_senders_are_remembered_those_that_were_wanted_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SENDERS", 2)
    senders = Rig().senders
    a, b = senders.get(1, "a"), senders.get(1, "b")
    assert senders.get(1, "a") is a
    senders.get(1, "c")
    assert senders.get(1, "a") is a
    assert senders.get(1, "b") is not b


async def test_who_waits_for_room_asks_again_and_gives_up_in_time() -> None:
    events: list[Event] = []
    full = Overloaded("full", retry_after_s=0.01)
    asks = Refusing(full, full)
    sender = Sender(cast("Asks", asks), events.append)
    assert await sender.wait("counter/1", "add", 2, wait_s=5, timeout_s=3.0) == 7
    assert asks.asked == [(("counter/1", "add", 2), {"timeout_s": 3.0})] * 3
    with pytest.raises(Overloaded):
        await Sender(cast("Asks", Refusing(full)), events.append).wait("counter/1", "add", wait_s=0.0)
    never = Refusing(BadArgument("no"))
    with pytest.raises(BadArgument):
        await Sender(cast("Asks", never), events.append).wait("counter/1", "add", wait_s=5)
    assert len(never.asked) == 1  # nothing that room would mend


async def test_what_nobody_waits_for_is_an_event_when_it_fails() -> None:
    events: list[Event] = []
    sender = Sender(cast("Asks", Refusing(BadArgument("no such thing"))), events.append)
    sender.tell("counter/1", "add", "x")
    sender.tell("counter/1", "add", 1)
    await asyncio.sleep(0)
    assert [(event.name, event.text) for event in events] == [
        ("tell.failed", "counter/1 add: BadArgument: no such thing"),
    ]
