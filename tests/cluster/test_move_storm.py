"""Agents move from node to node while gateways and engines are killed: each is in one place, and each task was done once.

ENGINE_CLUSTER_ROUNDS is how often somebody is killed: a few times, or 10 in `make cluster-test`, on three servers then.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from engine.client import Client
from engine.cluster.access import FabricAway
from engine.cluster.placement import place
from engine.cluster.placing import Placing
from engine.cluster.plan import Plan
from engine.cluster.sender import Sender
from engine.cluster.streams import Streams
from engine.cluster.subjects import Subjects
from tests.cluster.test_move import as_placed, settled, spawned
from tests.support.nodes import Cluster, Node, clusters

IS_LONG = bool(os.environ.get("ENGINE_CLUSTER_TEST"))
ROUNDS = int(os.environ.get("ENGINE_CLUSTER_ROUNDS") or (10 if IS_LONG else 4))
NAMES = ("n1", "n2", "n3")
KEYS = 40

pytestmark = pytest.mark.timeout(240 + 60 * ROUNDS)


async def kill_gateway(node: Node, chance: Random) -> None:
    node.kill_gateway()
    await asyncio.sleep(chance.uniform(0, 1))
    node.start_gateway()


async def kill_engine(node: Node, chance: Random) -> None:
    await node.kill_engine()
    await asyncio.sleep(chance.uniform(0, 1))
    await node.start_engine()


async def kill_both(node: Node, chance: Random) -> None:
    node.kill_gateway()
    await kill_engine(node, chance)
    node.start_gateway()


async def send_on(sender: Sender, adds: list[int], over: asyncio.Event, chance: Random) -> None:
    """Send tasks until it is over, and have all their outcomes, each of which is one more."""
    futures = []
    while not over.is_set():
        keys = [chance.randrange(KEYS) for _ in range(10)]
        tasks = [{"agent": f"counter/{key}", "method": "add", "args": [1]} for key in keys]
        with suppress(FabricAway):  # then nothing was sent
            futures += await sender.send(tasks, envelope_tasks=4)
            for key in keys:
                adds[key] += 1
        await asyncio.sleep(0.15)
    outcomes = await asyncio.wait_for(asyncio.gather(*futures), 300)
    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []


async def wish(placing: Placing, chance: Random) -> str:
    """Drain a node, have one back, or have one take more or fewer."""
    node, agents = chance.choice(NAMES), chance.choice([0, 0, 500, 1_000, 4_000])

    def change(plan: Plan) -> Plan:
        if agents:
            return plan.joined(node, agents)
        if node in plan.drained:
            return plan.undrained(node)
        return plan.with_drained(node) if len(plan.wanted) > 1 else plan

    plan = await placing.change(change)
    return f"{', '.join(plan.wanted)} are to have agents, {plan.weights_wanted or 'alike'}"


def alike(plan: Plan) -> Plan:
    """All nodes are to have agents, and as many as the others."""
    for node in NAMES:
        plan = plan.undrained(node).joined(node, 2_500)
    return plan


async def states(cluster: Cluster) -> dict[str, list[int]]:
    """What the agents of each node have counted."""
    found = {}
    for name, node in cluster.nodes.items():
        mine = [key for key in range(KEYS) if place(f"counter/{key}", NAMES) == name]
        async with Client(environ=node.commands.environ, patience_s=30) as client:
            found[name] = [await client.ask(f"counter/{key}", "get") for key in mine]
    return found


async def test_agents_that_move_in_a_storm_lose_nothing_and_do_nothing_twice(tmp_path: Path, chance: Random) -> None:
    async with clusters(tmp_path, NAMES, 3 if IS_LONG else 1, agents=0) as cluster, cluster.sender() as sender:
        placing = Placing(sender.nats.jetstream(), "c", len(cluster.servers))
        await settled(placing, alike, NAMES)
        assert await spawned(cluster, sender, "counter", KEYS) == KEYS
        adds = [0] * KEYS
        over = asyncio.Event()
        sending = asyncio.ensure_future(send_on(sender, adds, over, chance))
        try:
            for number in range(ROUNDS):
                print(number, await wish(placing, chance), flush=True)
                await asyncio.sleep(chance.uniform(0, 2))
                act, node = chance.choice([kill_gateway, kill_engine, kill_both]), chance.choice(list(cluster.nodes.values()))
                print(number, act.__name__, node.name, flush=True)
                await act(node, chance)
        finally:
            over.set()
            for node in cluster.nodes.values():
                print(node.name, *node.log.splitlines()[-12:], sep="\n  ", flush=True)
        await settled(placing, alike, NAMES)
        await sending
        await as_placed(cluster, NAMES, [*map(str, range(KEYS))])
        wanted = {name: [adds[key] for key in range(KEYS) if place(f"counter/{key}", NAMES) == name] for name in NAMES}
        assert await states(cluster) == wanted
        streams = Streams(sender.nats, Subjects("c"), len(cluster.servers))
        for number in range(1, sender.sent + 1):
            assert await streams.recorded(sender.id, str(number))
        moved = (await streams.context.stream_info(streams.subjects.moved)).state.messages
        print(f"{ROUNDS} kills, plan {(await placing.read()).version}, {sum(adds)} tasks, {moved} sent on")
