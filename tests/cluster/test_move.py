"""Agents of a cluster have one name space: each is spawned on its own node, and moves when nodes come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from operator import methodcaller
from pathlib import Path

import orjson
import pytest

from engine.client import Client
from engine.cluster.placement import place
from engine.cluster.placing import DONE, Placing
from engine.cluster.plan import Plan
from engine.cluster.records import Order, Reply, decode, encode
from engine.cluster.sender import Sender
from engine.cluster.subjects import Subjects
from tests.support.nodes import Cluster, Node, clusters
from tests.support.tills import TILL

#: Engines and their gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(300)

KEYS = 60


async def spawned(cluster: Cluster, sender: Sender, kind: str, count: int, keys: Sequence[str] = ()) -> int:
    """Have each node spawn its own of some agents; returns how many are new."""
    added = 0
    for name in cluster.nodes:
        async with asyncio.timeout(60):
            while True:
                subject = Subjects("c").build("placement.order", name)
                answer = await sender.nats.request(subject, encode(Order("spawn", kind, count, tuple(keys))), timeout=30)
                reply = decode(answer.data, Reply)
                if reply.said == "done":
                    break
                await asyncio.sleep(0.2)
        added += reply.count
    return added


async def here(node: Node, kind: str = "counter") -> set[str]:
    """The agents of a kind on a node."""
    async with Client(environ=node.commands.environ, patience_s=30) as client:
        if kind not in await client.kinds():
            return set()
        members = await client.request("members", kind=kind)
        return {str(key) for start, stop in members["ranges"] for key in range(start, stop)} | set(members["names"])


async def settled(placing: Placing, change: Callable[[Plan], Plan], nodes: Sequence[str]) -> Plan:
    """Change the plan, and return once agents are placed over these nodes and all of them are where they belong."""
    await placing.change(change)
    until_s = asyncio.get_running_loop().time() + 180
    while not ((plan := await placing.read()).is_at_rest and plan.nodes == tuple(sorted(nodes))):
        assert asyncio.get_running_loop().time() < until_s, (plan, plan.waits_for(await placing.said(DONE, plan.parties)))
        await asyncio.sleep(0.1)
    return plan


async def as_placed(cluster: Cluster, nodes: Sequence[str], keys: Sequence[str]) -> None:
    """Each agent is on the node that it belongs to, and nowhere else."""
    found = {name: await here(node) for name, node in cluster.nodes.items()}
    assert found == {name: {key for key in keys if place(f"counter/{key}", nodes) == name} for name in cluster.nodes}


async def load(node: Node, folder: Path) -> None:
    """Bring the code of tills to a node."""
    async with Client(environ=node.commands.environ) as client:
        await client.spawn("till", 0, reference=f"{folder}/till.py:Till", paths=[str(folder)])


async def asked(cluster: Cluster, sender: Sender, node: str) -> Reply:
    """What the gateway of a node says to its being drained."""
    answer = await sender.nats.request(f"c.placement.order.{node}", encode(Order("drain", "", 0, ())), timeout=30)
    return decode(answer.data, Reply)


async def test_a_node_gets_no_agents_before_it_has_the_code_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "till.py").write_text(TILL)
    prepared = methodcaller("tell", agents=4_000)
    async with clusters(tmp_path, ("n1",), agents=0, prepared=prepared) as cluster, cluster.sender() as sender:
        placing = Placing(sender.nats.jetstream(), "c", 1)
        n1 = cluster.nodes["n1"]
        await load(n1, tmp_path)
        assert await spawned(cluster, sender, "till", KEYS) == KEYS
        assert (await placing.read()).kinds == ("till",)

        facts = orjson.loads(n1.file.read_bytes())
        same = {name: facts[name] for name in ("urls", "credentials", "replicas")}
        n2 = Node(tmp_path, "n2", same | {"nodes": ["n1", "n2"], "agents": 1_000}, 0)
        try:
            await n2.start_engine()
            n2.start_gateway()
            await n2.joined()
            until_s = asyncio.get_running_loop().time() + 60
            while not (why := await placing.explained(["n2"], 1)):
                assert asyncio.get_running_loop().time() < until_s
                await asyncio.sleep(0.1)
            assert why["n2"].startswith("no agents are placed here: it has no kind till")
            assert (await placing.read()).members == ("n1",)
            assert len(await here(n1, "till")) == KEYS

            await load(n2, tmp_path)
            plan = await settled(placing, lambda plan: plan, ("n1", "n2"))
            assert (plan.weights, plan.agents) == ({"n1": 4, "n2": 1}, {"n1": 4_000, "n2": 1_000})
            wanted = {str(key) for key in range(KEYS) if place(f"till/{key}", ("n1", "n2"), plan.weights) == "n2"}
            assert await here(n2, "till") == wanted
            assert await here(n1, "till") == {str(key) for key in range(KEYS)} - wanted

            # Before it is drained the other one is asked: it has the code, and the room.
            assert (await asked(cluster, sender, "n2")).said == "done"
            async with Client(environ=n1.commands.environ) as client:
                limit = (await client.stats())["agents"]
                await client.spawn("counter", limit["limit"] - limit["total"])
            reply = await asked(cluster, sender, "n2")
            assert (reply.said, f"n1: {len(wanted)} more agents do not fit" in reply.text) == ("refused", True), reply.text
        finally:
            n2.close()


async def test_agents_are_spawned_on_their_nodes_and_move_with_all_that_they_are(tmp_path: Path) -> None:
    async with clusters(tmp_path, ("n1", "n2", "n3"), agents=0) as cluster, cluster.sender() as sender:
        placing = Placing(sender.nats.jetstream(), "c", 1)
        names = ["alpha", "beta", "gamma"]
        keys = [*map(str, range(KEYS)), *names]
        assert await spawned(cluster, sender, "counter", KEYS, names) == KEYS + 3
        assert await spawned(cluster, sender, "counter", KEYS, names) == 0
        await as_placed(cluster, ("n1", "n2", "n3"), keys)
        adds = [{"agent": f"counter/{key}", "method": "add", "args": [1]} for key in keys]
        assert {outcome.value for outcome in await sender.run(adds)} == {1}

        over = asyncio.Event()

        async def send_on() -> int:
            """One task for each agent after the other, until it is over; returns how many each got."""
            times = 0
            while not over.is_set():
                outcomes = await sender.run(adds, envelope_tasks=7)
                times += 1
                assert [(o.value, o.error) for o in outcomes] == [(1 + times, None)] * len(keys)
            return times

        sending = asyncio.ensure_future(send_on())
        await settled(placing, lambda plan: plan.with_drained("n3"), ("n1", "n2"))
        await as_placed(cluster, ("n1", "n2"), keys)
        async with asyncio.timeout(30):
            while sender.members["n3"].state != "draining":
                await asyncio.sleep(0.1)
        await settled(placing, lambda plan: plan.undrained("n3").with_drained("n1"), ("n2", "n3"))
        await as_placed(cluster, ("n2", "n3"), keys)
        await settled(placing, lambda plan: plan.undrained("n1"), ("n1", "n2", "n3"))
        over.set()
        times = await asyncio.wait_for(sending, 120)
        await as_placed(cluster, ("n1", "n2", "n3"), keys)
        gets = [{"agent": f"counter/{key}", "method": "get"} for key in keys]
        assert {outcome.value for outcome in await sender.run(gets)} == {1 + times}
        [lost] = await sender.run([{"agent": "counter/999", "method": "get"}])
        assert lost.error is not None
        assert lost.error.type == "UnknownAgent"


async def test_tasks_for_a_kind_that_goes_from_node_to_node_are_done_by_whoever_has_it(tmp_path: Path) -> None:
    async with clusters(tmp_path, ("n1", "n2"), agents=0) as cluster, cluster.sender() as sender:
        placing = Placing(sender.nats.jetstream(), "c", 1)
        assert await spawned(cluster, sender, "counter", KEYS) == KEYS
        task = {"kind": "counter", "method": "add", "args": [1]}
        moved, outcomes = asyncio.Event(), []

        async def send() -> None:
            while not moved.is_set():
                outcomes.extend(await sender.run([task] * 20, envelope_tasks=1, timeout_s=120))

        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(send()) for _ in range(4)]
            for home in ("n1", "n2") * 3:
                await settled(placing, lambda plan, home=home: plan.with_kind("counter", [home]), ("n1", "n2"))  # type: ignore[misc]
            moved.set()
            await asyncio.wait(sending)
        assert {outcome.error and outcome.error.type for outcome in outcomes} == {None}
        assert (await here(cluster.nodes["n1"]), len(await here(cluster.nodes["n2"]))) == (set(), KEYS)
        print(f"{len(outcomes):,} tasks while {KEYS} agents moved six times")
