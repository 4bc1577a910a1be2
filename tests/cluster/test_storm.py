"""Three nodes and three servers under kills and stops for some minutes: nothing accepted is lost, nothing is counted twice.

Only `make cluster-test` runs it; ENGINE_CLUSTER_ROUNDS is how many processes are killed or stopped, 30 by default.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from engine.client import Client
from engine.cluster.access import FabricAway
from engine.cluster.placement import place
from engine.cluster.sender import Sender
from engine.cluster.server import Server
from tests.support.nodes import Cluster, Node, clusters

ROUNDS = int(os.environ.get("ENGINE_CLUSTER_ROUNDS") or 30) if os.environ.get("ENGINE_CLUSTER_TEST") else 0
NAMES = ("n1", "n2", "n3")
KEYS = 15

pytestmark = [
    pytest.mark.skipif(not ROUNDS, reason="a proof of some minutes: make cluster-test"),
    pytest.mark.timeout(120 + 60 * ROUNDS),
]


async def kill_gateway(node: Node, chance: Random) -> None:
    node.kill_gateway()
    await asyncio.sleep(chance.uniform(0, 3))
    node.start_gateway()


async def stop_gateway(node: Node, chance: Random) -> None:
    assert node.gateway is not None
    os.kill(node.gateway.pid, signal.SIGSTOP)
    await asyncio.sleep(chance.uniform(0, 4))
    os.kill(node.gateway.pid, signal.SIGCONT)


async def kill_engine(node: Node, chance: Random) -> None:
    await node.kill_engine()
    await asyncio.sleep(chance.uniform(0, 2))
    await node.start_engine()


async def kill_server(server: Server, chance: Random) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await asyncio.sleep(chance.uniform(0, 2))
    await server.start()
    await server.ready()


async def stop_server(server: Server, chance: Random) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    await asyncio.sleep(chance.uniform(0, 8))
    os.kill(server.pid, signal.SIGCONT)
    await server.ready()


async def send_on(cluster: Cluster, sender: Sender, adds: list[int], over: asyncio.Event, chance: Random) -> int:
    """Send tasks until it is over, and have all their outcomes; returns how many there were."""
    futures = []
    number = 0
    while not over.is_set():
        keys = [chance.randrange(KEYS) for _ in range(20)]
        tasks = [{"agent": f"counter/{key}", "method": "add", "args": [1]} for key in keys]
        for _ in range(10):
            tasks.append({"kind": "marker", "method": "mark", "args": [str(cluster.folder), f"m{number}"]})
            number += 1
        with suppress(FabricAway):  # then nothing was sent
            futures += await sender.send(tasks, envelope_tasks=5)
            for key in keys:
                adds[key] += 1
        await asyncio.sleep(0.1)
    outcomes = await asyncio.wait_for(asyncio.gather(*futures), 240)
    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
    return len(outcomes)


async def test_a_storm_loses_nothing_and_counts_nothing_twice(tmp_path: Path, chance: Random) -> None:
    async with clusters(tmp_path, NAMES, 3) as cluster, cluster.sender() as sender:
        adds = [0] * KEYS
        over = asyncio.Event()
        sending = asyncio.ensure_future(send_on(cluster, sender, adds, over, chance))
        of_nodes: list[Callable[[Node, Random], Awaitable[None]]] = [kill_gateway, stop_gateway, kill_engine]
        of_servers: list[Callable[[Server, Random], Awaitable[None]]] = [kill_server, stop_server]
        try:
            for number in range(ROUNDS):
                await asyncio.sleep(chance.uniform(0, 1))
                if chance.random() < 0.6:
                    act, node = chance.choice(of_nodes), chance.choice(list(cluster.nodes.values()))
                    print(number, act.__name__, node.name, flush=True)
                    await act(node, chance)
                else:
                    harm, server = chance.choice(of_servers), chance.choice(cluster.servers)
                    print(number, harm.__name__, server.spec.name, flush=True)
                    await harm(server, chance)
        finally:
            over.set()
        tasks = await sending

        found = await cluster.recorded(sender)
        assert sorted(found.values()) == [1] * tasks
        for name, node in cluster.nodes.items():
            mine = [key for key in range(KEYS) if place(f"counter/{key}", NAMES) == name]
            async with Client(environ=node.commands.environ, patience_s=30) as client:
                assert [await client.ask(f"counter/{key}", "get") for key in mine] == [adds[key] for key in mine]
        words = cluster.runs()
        terms = [set(re.findall(r"leads, with token (\d+)", node.log)) for node in cluster.nodes.values()]
        assert sum(map(len, terms)) == len(set.union(*terms)), "two nodes led with the same token"
        marks = len(set(words))
        superseded = sum(node.log.count("superseded:") for node in cluster.nodes.values())
        print(f"{ROUNDS} kills, {tasks} tasks, {marks} marks run {len(words)} times, {superseded} envelopes superseded")
