"""What cannot be is found out before anything of an order is done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.plan import Plan, first_plan
from engine.cluster.records import Order, Reply, decode, encode
from engine.cluster.steward import Steward
from pools.errors import BadArgument

PLAN = first_plan(["n1", "n2", "n3"]).with_kind("counter").with_kind("till", ["n1"])


class FakePlacing:
    """A plan that stays as it is."""

    async def read(self) -> Plan:
        return PLAN.with_drained("n3").next({}).next(dict.fromkeys(PLAN.nodes, 2))


class FakeClient:
    """The engine of a node, which has no agents."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._kinds = kinds

    async def kinds(self) -> dict[str, Any]:
        return dict.fromkeys(self._kinds)

    async def request(self, _verb: str, kind: str) -> dict[str, Any]:
        return {"ranges": [], "names": []}

    async def stats(self) -> dict[str, Any]:
        return {"agents": {"total": 0, "limit": 500}}

    async def pools(self) -> list[dict[str, Any]]:
        return [{"name": "p", "agents": 0, "agents_limit": 500, "kinds": []}]


class Gateways:
    """Those of all nodes. says: what each says to an order; others are away."""

    def __init__(self, says: dict[str, str]) -> None:
        self._says = says
        self.heard: dict[str, Order] = {}

    def jetstream(self, **_: Any) -> None:
        """Nothing is kept."""

    async def request(self, subject: str, data: bytes, *, timeout: float) -> Any:
        head, _, node = subject.rpartition(".")
        assert (head, timeout > 0) == ("c.placement.order", True)
        self.heard[node] = decode(data, Order)
        if node not in self._says:
            raise TimeoutError
        text = self._says[node]
        return SimpleNamespace(data=encode(Reply(node, "refused" if text else "done", 0, text)))


def steward(node: str, gateways: Any) -> Steward:
    facts: Any = SimpleNamespace(cluster="c", id=node, replicas=1)
    made = Steward(facts, gateways)
    made._placing = FakePlacing()  # type: ignore[assignment]
    return made


@pytest.mark.parametrize(
    ("node", "kinds", "over", "refusal", "held"),
    [
        ("n2", ("counter", "till"), ["n2"], "", []),
        ("n2", ("counter",), ["n1", "n2"], "it has no kind till", []),
        ("n2", ("counter",), [], "it has no kind till", []),
        ("n2", ("counter",), ["n1"], "", []),
        ("n1", ("till",), ["n3"], "", ["node: n3: drained, so that agents of till would be nowhere"]),
        ("n1", ("till",), ["n9"], "", ["node: no node 'n9'; there are n1, n2, n3"]),
        ("n2", ("counter",), None, "", []),
    ],
)
async def test_a_kind_that_a_node_cannot_have_is_found_out_before_it_is_begun(
    node: str, kinds: tuple[str, ...], over: list[str] | None, refusal: str, held: list[str]
) -> None:
    client: Any = FakeClient(kinds)
    found = await steward(node, Gateways({}))._tried(client, "till", 0, (), over)  # all that there would be are there
    assert (found["refusal"].partition(":")[0], found["held"]) == (refusal, held)


async def test_each_node_is_asked_whether_its_agents_can_go_to_where_a_kind_is_wanted() -> None:
    gateways = Gateways({"n1": "n2: no room"})
    for over in (["n2"], []):
        told = await steward("n2", gateways).obey({"do": "place", "kind": "till", "over": over})
        assert told == {"held": ["n1 could not give its agents of till away: n2: no room"]}
        assert gateways.heard == dict.fromkeys(("n1", "n2"), Order("place", "till", 0, tuple(over)))
    assert await steward("n2", Gateways({})).obey({"do": "place", "kind": "bag", "over": []}) == {"held": []}


@pytest.mark.parametrize("task", [None, "ping", ["counter", "ping"]])
async def test_a_broadcast_of_what_is_no_task_is_refused(task: Any) -> None:
    with pytest.raises(BadArgument, match="task is an object"):
        await steward("n2", Gateways({})).obey({"do": "broadcast", "task": task})
