"""The verbs that look closer: what they refuse, what they tell, and that a pause is noted once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.looked import PAGE, LookedHere, LookVerbs
from engine.order import Order
from pools.census import Meant
from pools.errors import BadArgument, PoolUnavailable
from pools.listing import Page


class Pool:
    """A pool that is paused and resumed, or does not hear of it."""

    name = "p1"
    open = 3

    def __init__(self) -> None:
        self.is_paused = False
        self.is_deaf = False

    @property
    def state(self) -> str:
        return "paused" if self.is_paused else "up"

    async def pause(self) -> None:
        await self._turn(is_paused=True)

    async def resume(self) -> None:
        await self._turn(is_paused=False)

    async def _turn(self, *, is_paused: bool) -> None:
        self.is_paused = is_paused
        if self.is_deaf:
            raise PoolUnavailable("one worker has not heard")


class Here(LookedHere):
    """An engine with two kinds and one pool."""

    detached: Any = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.asked: list[tuple[Any, ...]] = []
        self.pool = Pool()

    def note(self, name: str, text: str) -> None:
        self.notes.append(name)

    @property
    def swarm(self) -> Any:
        async def page(*facts: Any) -> Page:
            self.asked.append(facts)
            return Page(2, [{"agent": "a/1"}], ["p2"])

        def pool(name: str) -> Pool:
            if name != "p1":
                raise BadArgument(f"no pool {name!r}; there are p1")
            return self.pool

        def check(kind: str) -> None:
            raise BadArgument(f"no kind {kind}")

        placement = SimpleNamespace(kinds=lambda: ["a", "b"], count_of=lambda kind: {"a": 5, "b": 7}.get(kind, 0))
        return SimpleNamespace(placement=placement, check_kind=check, pool=pool, listing=SimpleNamespace(page=page))


async def test_a_page_is_asked_for_as_it_is_meant_and_told_with_its_counts() -> None:
    here = Here()
    told = await here.agents(
        "a", filter="x", status="run", pool="p1", worker="w", sort="mailbox", is_descending=True, skip=4, limit=9
    )
    assert here.asked == [(Meant("a", "x", "p1", "w", "mailbox", True), ["run"], 4, 9)]
    assert told == {"total": 5, "matched": 2, "kinds": {"a": 5, "b": 7}, "silent": ["p2"], "agents": [{"agent": "a/1"}]}
    assert (await here.agents())["total"] == 12
    assert here.asked[-1] == (Meant(), [], 0, 100)


async def test_the_socket_reads_its_facts_with_their_types_and_bounds_a_page() -> None:
    here = Here()
    verbs = LookVerbs(here).verbs
    await verbs["agents"](Order({"verb": "agents", "status": ["run", "wait"], "limit": 10**9, "is_descending": True}))
    assert here.asked == [(Meant(is_descending=True), ["run", "wait"], 0, PAGE)]
    for wrong in ({"status": "run"}, {"filter": 7}, {"limit": -1}, {"is_descending": "yes"}, {"sort": 1}):
        with pytest.raises(BadArgument):
            await verbs["agents"](Order({"verb": "agents", **wrong}))
    with pytest.raises(BadArgument):
        await verbs["agents"](Order({"verb": "agents", "kind": "none"}))
    with pytest.raises(BadArgument):
        await verbs["agent"](Order({"verb": "agent"}))
    with pytest.raises(BadArgument, match="0 or more"):
        await here.agents(skip=-1)


async def test_a_pool_is_paused_and_resumed_and_that_is_noted_where_it_changes_something() -> None:
    here = Here()
    verbs = LookVerbs(here).verbs
    pause, resume = ({"verb": verb, "pool": "p1"} for verb in ("pause-pool", "resume-pool"))
    assert await verbs["pause-pool"](Order(pause)) == {"pool": "p1", "state": "paused", "open": 3, "is_changed": True}
    assert (await verbs["pause-pool"](Order(pause)))["is_changed"] is False
    assert (await verbs["resume-pool"](Order(resume)))["state"] == "up"
    assert here.notes == ["pool.paused", "pool.resumed"]
    with pytest.raises(BadArgument, match="there are p1"):
        await here.pause("p9")


async def test_a_pool_of_which_a_worker_has_not_heard_is_paused_all_the_same_and_noted() -> None:
    here = Here()
    here.pool.is_deaf = True
    with pytest.raises(PoolUnavailable):
        await here.pause("p1")
    assert (here.pool.is_paused, here.notes) == (True, ["pool.paused"])
