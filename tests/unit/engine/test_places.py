"""Agents for tasks that want something: chosen together, over a connection too, and no more of a tenant than may begin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import orjson
import pytest

from engine.errors import EngineStopped
from engine.places import FarPlaces, Place, PlacesHere, Want, rows_of, wants_of
from engine.submission import SUBMIT_TASKS
from pools.errors import BadAddress, BadArgument, LinkClosed, PoolError, RateLimited, UnknownKind
from pools.gates import Gates
from pools.quota import Quota, Quotas
from pools.routes import Routes


class Chooser:
    """Routes that choose by turn, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[frozenset[str]], str | None]] = []

    def resolve_skilled(self, wanted: Sequence[frozenset[str]], kind: str | None = None) -> list[Any]:
        self.asked.append((list(wanted), kind))
        none = UnknownKind("nobody flies")
        return [none if "fly" in each else (None, kind or "any", at) for at, each in enumerate(wanted)]

    def resolve_sticky(self, kind: str, name: str) -> tuple[Any, str]:
        if kind == "nobody":
            raise UnknownKind("nobody")
        return None, f"key-of-{name}"


def here(quotas: Quotas | None = None, **more: Any) -> tuple[PlacesHere, Chooser, Gates]:
    gates = Gates(quotas or Quotas(), lambda _event: None, now_s=0.0)
    chooser = Chooser()
    return PlacesHere(cast(Routes, chooser), gates, **more), chooser, gates


def shown(found: Sequence[Place]) -> list[str]:
    return [type(one).__name__ if isinstance(one, PoolError) else one for one in found]


def test_those_that_want_skills_of_one_kind_are_looked_at_together() -> None:
    places, chooser, _ = here()
    wants = [
        *(Want("a", ("draw",)), Want("*", ("draw",)), Want("a", ("fly",)), Want("a", ("read", "draw"))),
        *(Want("a", sticky=7), Want("nobody", sticky="x"), Want("a/1"), Want("a", tenant="free")),
    ]
    assert shown(places.found(wants)) == [
        *("a/0", "any/0", "UnknownKind", "a/2"),
        *("a/key-of-7", "UnknownKind", "a/1", "a"),
    ]
    assert [(len(wanted), kind) for wanted, kind in chooser.asked] == [(3, "a"), (1, None)]


def test_a_tenant_begins_no_more_than_it_may_and_counts_until_the_end() -> None:
    quotas = Quotas(tenants={"x": Quota(open=2)}, default_tenant=Quota(rate=0.001, burst=1))
    places, _, gates = here(quotas)
    wants = [Want("a", tenant="x")] * 3 + [Want("a", tenant="y")] * 2 + [Want("a", ("fly",), tenant="z")]
    assert shown(places.found(wants)) == ["a", "a", "Overloaded", "a", "RateLimited", "UnknownKind"]
    gate = gates.tenant("x", 0.0)
    other = gates.tenant("z", 0.0)
    assert gate is not None
    assert other is not None
    assert (gate.held, other.held) == (2, 0)
    places.leave("x")
    assert shown(places.found(wants[:2])) == ["a", "Overloaded"]
    uncounted, _, gates = here(quotas, is_counted=False)
    assert shown(uncounted.found(wants[:3])) == ["a", "a", "a"]
    gate = gates.tenant("x", 0.0)
    assert gate is not None
    assert gate.held == 0


async def test_over_a_connection_each_has_the_same_place_and_what_is_asked_has_an_end() -> None:
    places, _, _ = here()
    asked: list[int] = []

    async def ask(verb: str, wants: list[Any]) -> list[Any]:
        assert verb == "place"
        asked.append(len(wants))
        return list(orjson.loads(orjson.dumps(rows_of(places.found(wants_of(orjson.loads(orjson.dumps(wants))))))))

    done: asyncio.Future[Sequence[Place]] = asyncio.get_running_loop().create_future()
    wants = [Want("a", ("fly",)), *[Want("a", ("draw",))] * SUBMIT_TASKS]
    FarPlaces(ask).place(wants, done.set_result)
    found = await done
    assert asked == [SUBMIT_TASKS, 1]
    assert shown(found)[:2] == ["UnknownKind", "a/1"]
    assert "nobody flies" in str(found[0])
    FarPlaces(ask).leave("x")


@pytest.mark.parametrize(("error", "told"), [(LinkClosed("gone"), "LinkClosed"), (EngineStopped("stops"), "TaskFailed")])
async def test_where_the_engine_is_gone_each_is_told(error: Exception, told: str) -> None:
    async def ask(_verb: str, **_facts: Any) -> Any:
        raise error

    done: asyncio.Future[Sequence[Place]] = asyncio.get_running_loop().create_future()
    FarPlaces(ask).place([Want("a", sticky=1)] * 3, done.set_result)
    assert shown(await done) == [told] * 3


def test_a_refusal_says_over_a_connection_when_to_ask_again() -> None:
    error = RateLimited("too many")
    error.retry_after_s = 1.5
    assert rows_of(["a/1", error]) == ["a/1", ["RateLimited", "too many", 1.5]]


@pytest.mark.parametrize(
    "rows",
    [
        *(None, {}, [], [3], [[]], [["a", [], None]], [[3, [], None, ""]], [["a", "draw", None, ""]]),
        *([["a", [3], None, ""]], [["a", [], 1.5, ""]], [["a", [], None, 5]], [["*", [], None, "x"]]),
        *([["a/1", ["draw"], None, ""]], [["a/1", [], 1, ""]], [["a", [], None, "x" * 1_000]], [["a b", [], None, ""]]),
        [["a", [], None, "x"]] * (SUBMIT_TASKS + 1),
    ],
)
def test_what_is_no_want_is_refused(rows: Any) -> None:
    with pytest.raises((BadArgument, BadAddress)):
        wants_of(rows)
