"""Which agents are meant, in which order: as a slow look at each of them would say, without one where a range will do."""

from __future__ import annotations

import asyncio
from itertools import product
from random import Random

import pytest

from pools import census as module
from pools.address import Key
from pools.census import KEPT, Census, Chosen, Meant, slices
from pools.errors import BadArgument
from pools.filter import Filter
from pools.placement import Placement
from pools.spec import PoolSpec


def house(agents: int = 3_000) -> tuple[Placement, Census]:
    """Three pools with one, three and two workers; two kinds, numbered and named, with holes."""
    specs = [PoolSpec("b", agents=agents), PoolSpec("a", agents=agents, workers=3), PoolSpec("c", agents=agents, workers=2)]
    placement = Placement(specs, 10 * agents)
    placement.add_range("zoo", 300)
    placement.add_range("ant", 50)
    placement.add_names("zoo", [f"n{Random(at).randrange(10**6)}" for at in range(90)])
    placement.take("zoo", [(10, 20), (150, 151)], ["n"])
    placement.add_names("ant", ["x", "B", "b.c"])
    return placement, Census(placement, lambda pool: names(specs[pool]))


def names(spec: PoolSpec) -> list[str]:
    return [spec.name] if spec.workers == 1 else [f"{spec.name}.{at}" for at in range(spec.workers)]


def slow(placement: Placement, meant: Meant) -> list[tuple[str, Key]]:
    """The same by a look at every agent."""
    known = placement.kinds() if meant.sort is None else sorted(placement.kinds())
    every = [(kind, key) for kind in known for key in placement.page(kind, 0, 10**6)]
    spec_of = {agent: placement.pools[placement.worker_of(*agent)[0]] for agent in every}
    worker_of = {agent: names(spec_of[agent])[placement.worker_of(*agent)[1]] for agent in every}
    every = [
        agent
        for agent in every
        if meant.kind in (None, agent[0])
        and meant.pool in (None, spec_of[agent].name)
        and meant.worker in (None, worker_of[agent])
        and Filter(meant.filter).those(agent[0], [agent[1]])
    ]
    if meant.sort is not None:
        every.sort(key=lambda agent: (agent[0], type(agent[1]) is str, agent[1]))
    if meant.sort in (None, "address"):
        return every[::-1] if meant.is_descending else every
    place = spec_of if meant.sort == "pool" else worker_of
    named = {agent: str(getattr(place[agent], "name", place[agent])) for agent in every}
    return sorted(every, key=named.__getitem__, reverse=False) if not meant.is_descending else _turned(every, named)


def _turned(every: list[tuple[str, Key]], named: dict[tuple[str, Key], str]) -> list[tuple[str, Key]]:
    return [agent for name in sorted(set(named.values()), reverse=True) for agent in every if named[agent] == name]


@pytest.mark.parametrize("sort", ["address", "pool", "worker"])
@pytest.mark.parametrize("is_descending", [False, True])
async def test_what_is_meant_is_found_in_its_order(sort: str, is_descending: bool) -> None:
    placement, census = house()
    for kind, text, pool, worker in product(
        (None, "zoo", "ant", "none"), ("", "7", "!n", "^zoo/[0-9]$"), (None, "a"), (None, "a.1")
    ):
        meant = Meant(kind, text, pool, worker, sort, is_descending)
        chosen = await census.choose(meant)
        assert chosen.page(0, 10**6) == slow(placement, meant), meant
        assert chosen.count == len(slow(placement, meant))


@pytest.mark.parametrize("is_descending", [False, True])
async def test_without_an_order_they_come_as_they_were_spawned(is_descending: bool) -> None:
    placement, census = house()
    for kind in (None, "zoo", "ant"):
        meant = Meant(kind, is_descending=is_descending)
        assert (await census.choose(meant)).page(0, 10**6) == slow(placement, meant)


async def test_a_page_is_a_part_of_the_whole_wherever_it_begins(chance: Random) -> None:
    placement, census = house()
    for is_descending in (False, True):
        meant = Meant(sort="worker", is_descending=is_descending)
        chosen, whole = await census.choose(meant), slow(placement, meant)
        for _ in range(50):
            skip, limit = chance.randrange(500), chance.randrange(300)
            assert chosen.page(skip, limit) == whole[skip : skip + limit]


async def test_a_million_agents_stay_ranges_while_nobody_has_to_be_looked_at() -> None:
    placement = Placement([PoolSpec("a", agents=10**6), PoolSpec("b", agents=10**6)], 10**7)
    placement.add_range("counter", 10**6)
    census = Census(placement, lambda pool: ["ab"[pool]])
    for meant in (Meant(), Meant("counter", sort="address", is_descending=True), Meant(sort="worker"), Meant(pool="b")):
        chosen = await census.choose(meant)
        assert all(type(keys) is range for _, keys in chosen._runs)
    assert (await census.choose(Meant(is_descending=True))).page(5, 2) == [("counter", 999_994), ("counter", 999_993)]


async def test_a_choice_is_kept_for_the_next_page_until_agents_come_or_go(monkeypatch: pytest.MonkeyPatch) -> None:
    placement, census = house()
    looked = []
    monkeypatch.setattr(Filter, "those", lambda self, kind, keys: looked.append(len(keys)) or list(keys))
    first = await census.choose(Meant(filter="7"))
    assert sum(looked) == placement.count
    assert await census.choose(Meant(filter="7")) is first
    assert sum(looked) == placement.count
    placement.take("zoo", [(100, 101)], [])
    again = await census.choose(Meant(filter="7"))
    assert again is not first
    assert again.count == first.count - 1
    placement.add_names("zoo", ["new"])
    assert (await census.choose(Meant(filter="7"))).count == first.count


async def test_a_choice_of_very_many_is_not_kept() -> None:
    placement = Placement([PoolSpec("a", agents=10**6)], 10**7)
    placement.add_range("counter", KEPT + 1)
    census = Census(placement, lambda _pool: ["a"])
    assert (await census.choose(Meant(filter="counter/"))).count == KEPT + 1
    assert census._last is None


async def test_names_that_come_later_are_put_in_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 1)
    placement, census = house()
    meant = Meant("zoo", sort="address")
    for batch in (["a", "zz"], ["m", "n1"], [f"q{at}" for at in range(200)]):
        placement.add_names("zoo", batch)
        assert (await census.choose(meant)).page(0, 10**6) == slow(placement, meant)
    placement.take("zoo", [], ["a", "q7"])
    placement.add_names("zoo", ["c", "d"])
    assert (await census.choose(meant)).page(0, 10**6) == slow(placement, meant)


async def test_what_is_not_there_is_named() -> None:
    _, census = house()
    for meant, word in ((Meant(pool="x"), "pool"), (Meant(worker="a.9"), "worker"), (Meant(pool="b", worker="a.1"), "pool b")):
        with pytest.raises(BadArgument, match=word):
            await census.choose(meant)
    with pytest.raises(BadArgument, match="sorted by"):
        await census.choose(Meant(sort="colour"))


async def test_a_long_look_lets_others_have_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.ensure_future(other())
    now_s = [0.0]

    def clock() -> float:
        return now_s[0]

    def those(keys: object) -> list[Key]:
        now_s[0] += len(keys) * 1e-5  # type: ignore[arg-type]
        return []

    sizes: list[int] = []
    try:
        async for _ in slices(range(10_000), lambda keys: sizes.append(len(keys)) or those(keys), clock):  # type: ignore[func-returns-value]
            pass
    finally:
        beside.cancel()
    assert sum(sizes) == 10_000
    assert max(sizes) <= 160
    assert turns >= len(sizes) - 1


def test_an_empty_choice_has_empty_pages() -> None:
    assert Chosen([], is_reversed=False).page(0, 10) == []
    assert Chosen([("counter", range(3))], is_reversed=True).page(3, 10) == []
