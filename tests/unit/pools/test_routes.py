"""From an address to a link: by name where it says one, by the balancer where it names a kind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pools.address import ANY
from pools.errors import CircuitOpen, UnknownAgent, UnknownKind
from pools.routes import Routes
from tests.unit.pools.test_balancer import Setup


class Ways(Setup):
    """Routes over two pools, whose newcomers are refused as the placement says."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        for pool, spec in zip(self.pools, self.placement.pools, strict=True):
            pool.spec = spec  # type: ignore[attr-defined]
            for seat in pool.seats:
                seat.inner = object()  # type: ignore[attr-defined]

        def used(_kind: str, _key: Any, error: Exception) -> int:
            raise error

        newcomers = cast(Any, SimpleNamespace(used=used))
        self.routes = Routes(self.placement, cast(Any, self.pools), newcomers, self.breakers, self.balancer)

    def link(self, pool: int) -> Any:
        return self.pools[pool].seats[0].link


def test_an_address_leads_to_the_worker_of_its_agent() -> None:
    ways = Ways()
    assert ways.routes.resolve("counter/3") == (ways.link(0), "counter", 3)
    assert ways.routes.resolve_key("counter", 13) == (ways.link(1), 13)
    for wrong, error in (("counter/99", UnknownAgent), ("nobody/1", UnknownKind), ("nobody", UnknownKind)):
        with pytest.raises(error):
            ways.routes.resolve(wrong)


def test_a_kind_leads_to_where_there_is_least_to_do() -> None:
    ways = Ways()
    ways.link(0).open = 100
    link, kind, key = ways.routes.resolve("counter")
    assert (link, kind) == (ways.link(1), "counter")
    assert ways.placement.pool_of("counter", key) == 1


def test_a_batch_is_dealt_over_links_and_says_why_the_rest_is_refused() -> None:
    ways = Ways()
    dealt, refusal = ways.routes.deal("counter", 100)
    assert sum(len(keys) for _, keys in dealt) == 100
    assert refusal is None
    ways.breakers.force("open")
    dealt, refusal = ways.routes.deal("counter", 100)
    assert dealt == []
    assert isinstance(refusal, CircuitOpen)
    with pytest.raises(CircuitOpen):
        ways.routes.resolve("counter")


def test_what_agents_send_each_other_is_refused_by_no_breaker_and_goes_where_its_number_says() -> None:
    ways = Ways()
    before = [ways.routes.resolve_inner("counter", ANY, turn) for turn in range(20)]
    ways.breakers.force("open", "p0")
    assert [ways.routes.resolve_inner("counter", ANY, turn) for turn in range(20)] == before
    ways.breakers.force("open")
    inner, key = ways.routes.resolve_inner("counter", ANY)
    assert inner is ways.pools[ways.placement.pool_of("counter", key)].seats[0].inner  # type: ignore[attr-defined]


def test_to_look_for_an_agent_takes_no_probe() -> None:
    ways = Ways()
    for pool in (0, 1):
        ways.breakers.record(pool, "counter", None, 5, ["ValueError"] * 5)
    ways.clock.pass_s(1.3)
    for _ in range(20):
        assert ways.placement.has("counter", ways.routes.choose("counter"))
    assert len([ways.routes.resolve("counter") for _ in range(6)]) == 6


def test_skills_of_a_kind_decide_and_a_sticky_key_stays() -> None:
    ways = Ways()
    ways.routes.skills["counter"] = frozenset({"count"})
    (found,) = ways.routes.resolve_skilled([frozenset({"count"})])
    assert isinstance(found, tuple)
    assert found[1] == "counter"
    (lacking,) = ways.routes.resolve_skilled([frozenset({"draw"})], "counter")
    assert isinstance(lacking, UnknownKind)
    assert len({ways.routes.resolve_sticky("counter", "a")[1] for _ in range(9)}) == 1
