"""Whether agents that are to come fit into an engine: by its limit, by its pools, by its kinds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.vacancy import refusal, refused

AGENTS = {"total": 2_500, "limit": 2_850}


def pool(name: str, agents: int, limit: int, *kinds: str) -> dict[str, Any]:
    return {"name": name, "agents": agents, "agents_limit": limit, "kinds": list(kinds)}


def test_what_fits_is_not_refused_and_what_does_not_is_with_its_numbers() -> None:
    pools = [pool("node", 2_500, 2_850)]
    assert refused(AGENTS, pools, {"counter": 300, "till": 50}) == refused(AGENTS, pools, {}) == ""
    said = refused(AGENTS, pools, {"counter": 300, "till": 51})
    assert said == "351 more agents do not fit, it has 2,500 of 2,850"


@pytest.mark.parametrize(
    ("coming", "said"),
    [
        ({"till": 50, "counter": 250}, ""),
        ({"till": 51}, "51 more agents do not fit, it has 2,500 of 2,850, and small of its pools take till"),
        ({"till": 50, "counter": 251}, "301 more agents do not fit, it has 2,500 of 2,850, and big of its pools take counter"),
        ({"other": 1}, "no pool takes kind 'other'; add it to the kinds of a pool"),
    ],
)
def test_pools_that_take_some_kinds_have_room_for_these_alone(coming: dict[str, int], said: str) -> None:
    pools = [pool("big", 2_300, 2_550, "counter"), pool("small", 200, 250, "till")]
    assert refused(AGENTS, pools, coming) == said


async def test_a_kind_whose_code_is_not_there_is_named() -> None:
    async def kinds() -> dict[str, Any]:
        return {"counter": {}}

    async def stats() -> dict[str, Any]:
        return {"agents": AGENTS}

    async def pools() -> list[dict[str, Any]]:
        return [pool("node", 2_500, 2_850)]

    client: Any = SimpleNamespace(kinds=kinds, stats=stats, pools=pools)
    assert await refusal(client, {"counter": 350}) == ""
    assert "2,500 of 2,850" in await refusal(client, {"counter": 351})
    assert (await refusal(client, {"counter": 1, "till": 1})).startswith("it has no kind till: bring its code")
