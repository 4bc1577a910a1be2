"""A new worker is told all that it should hold, and nothing of another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from random import Random
from typing import Any

from pools.address import Key
from pools.breaker import BreakerSpec
from pools.breakers import Breakers
from pools.briefing import Briefing
from pools.code import Code
from pools.keep import Keep
from pools.placement import Placement
from pools.spec import PoolSpec
from tests.support.clocks import Clock

SPEC = BreakerSpec(in_a_row=7)


class Setup:
    """Two pools, of which the second has two workers, and eleven agents."""

    def __init__(self, keep: Keep | None = None) -> None:
        specs = [PoolSpec("p1", agents=60), PoolSpec("p2", agents=100, workers=2, shards=8, mailbox=9, sleep_after_s=5.0)]
        self.placement = Placement(specs, 1_000)
        self.placement.add_range("counter", 8)
        self.placement.add_names("counter", ["a", "b", "c"])
        self.codes: dict[tuple[int, int], Code] = {}
        clock = Clock()
        self.breakers = Breakers(SPEC, ["p1", "p2"], clock=clock.s, chance=Random(1), on_change=lambda _name, _text: None)
        self.briefing = Briefing(
            self.placement,
            ["pools.counter:Counter"],
            ["/agents"],
            keep=keep,
            session="00ff",
            breakers=self.breakers,
            sick=self._sick,
            code_of=lambda pool, worker: self.codes.get((pool, worker), Code()),
        )

    def _sick(self, is_meant: Callable[[str, Key], bool]) -> Iterable[dict[str, Any]]:
        return [{"verb": "apart", "key": key} for key in range(8) if is_meant("counter", key)]

    def orders(self, number: int, worker: int = 0) -> list[dict[str, Any]]:
        return self.briefing.orders(number, worker, 3)


def test_it_is_set_up_first_with_the_limits_of_its_pool() -> None:
    setup = Setup().orders(1, 1)[0]
    assert (setup["verb"], setup["pool"], setup["row"]) == ("setup", "p2", 3)
    assert (setup["mailbox"], setup["sleep_after_s"], setup["shards"], setup["store"]) == (9, 5.0, 8, None)
    assert (setup["kinds"], setup["paths"], setup["breaker"]) == (["pools.counter:Counter"], ["/agents"], asdict(SPEC))


def test_the_shards_of_a_pool_are_divided_among_its_workers() -> None:
    owned = [Setup().orders(1, worker)[0]["owned"] for worker in (0, 1)]
    assert sorted(owned[0] + owned[1]) == list(range(8))
    assert owned[0]
    assert owned[1]


def test_it_holds_the_agents_of_its_pool_and_no_others() -> None:
    setup = Setup()
    told: list[Key] = []
    for number in (0, 1):
        mine: list[Key] = []
        for order in setup.orders(number):
            mine += [key for start, stop in order.get("ranges", ()) for key in range(start, stop)]
            mine += order.get("names", ())
        assert {setup.placement.pool_of("counter", key) for key in mine} == {number}
        told += mine
    assert sorted(map(str, told)) == sorted([*map(str, range(8)), "a", "b", "c"])


def test_it_hears_of_sick_agents_that_live_with_it_only() -> None:
    setup = Setup()
    told = [order["key"] for place in ((0, 0), (1, 0), (1, 1)) for order in setup.orders(*place) if order["verb"] == "apart"]
    assert sorted(told) == list(range(8))


def test_it_holds_the_targets_outside_that_an_operator_holds_in_its_pool() -> None:
    setup = Setup()
    setup.breakers.force("open", "p2", target="a.example")
    assert [setup.orders(number)[0]["held"] for number in (0, 1)] == [{}, {"a.example": "open"}]
    setup.breakers.force("auto", target="a.example")
    assert setup.orders(1)[0]["held"] == {}


def test_it_loads_the_code_that_its_place_has() -> None:
    setup = Setup()
    setup.codes[1, 1] = Code(2, ["/next"], {"pools.counter:Counter": "shop:Counter"})
    told = [[setup.orders(*place)[0][name] for name in ("first", "kinds")] for place in ((1, 0), (1, 1))]
    assert told == [[[], ["pools.counter:Counter"]], [["/next"], ["shop:Counter"]]]


def test_where_state_is_kept_it_is_told_where() -> None:
    store = Setup(Keep("/data", is_synced=True)).orders(1, 1)[0]["store"]
    assert store["folder"] == "/data/p2/1"
