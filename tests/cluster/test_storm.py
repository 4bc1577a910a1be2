"""Three nodes and three servers under kills and stops for some minutes: nothing accepted is lost, nothing is counted twice.

Only `make cluster-test` runs it; ENGINE_CLUSTER_ROUNDS is how many processes are killed or stopped, 10 by default.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from engine.cluster.server import Server
from tests.support.nodes import Node, clusters
from tests.support.steady import steady

ROUNDS = int(os.environ.get("ENGINE_CLUSTER_ROUNDS") or 10) if os.environ.get("ENGINE_CLUSTER_TEST") else 0
NAMES = ("n1", "n2", "n3")

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


async def test_a_storm_loses_nothing_and_counts_nothing_twice(tmp_path: Path, chance: Random) -> None:
    async with clusters(tmp_path, NAMES, 3) as cluster, cluster.sender() as sender, steady(cluster, sender, chance) as load:
        of_nodes: list[Callable[[Node, Random], Awaitable[None]]] = [kill_gateway, stop_gateway, kill_engine]
        of_servers: list[Callable[[Server, Random], Awaitable[None]]] = [kill_server, stop_server]
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
        print(f"{ROUNDS} kills, {await load.end()}")
