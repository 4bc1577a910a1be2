"""Strange entries in the stores of a cluster, a lease that was changed, a node that is lost, and one that refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.client import Client
from engine.cluster.election import KEY
from engine.cluster.lease import read_entry
from engine.cluster.placement import place
from engine.cluster.placing import PLAN, Placing
from engine.cluster.records import BadRecord
from engine.cluster.sender import Sender
from engine.keyset import keyset
from tests.support.nodes import Cluster, Node, clusters
from tests.support.processes import until
from tests.support.tills import TILL

#: Two engines and their gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(300)

NAMES = ("n1", "n2")


async def ordered(at: Node, code: int = 0, **order: Any) -> dict[str, Any]:
    """What comes of an order that is given on a node."""
    words = [sys.executable, "-P", "-m", "engine.cluster.steward", str(at.file), orjson.dumps(order).decode()]
    run: Any = subprocess.run
    done = await asyncio.to_thread(run, words, env=at.commands.environ, capture_output=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    told: dict[str, Any] = orjson.loads(done.stdout) if not code else {"said": done.stderr.decode()}
    return told


def gateways(cluster: Cluster) -> list[int]:
    """The gateways that run."""
    return [node.gateway.pid for node in cluster.nodes.values() if node.gateway is not None and node.gateway.poll() is None]


async def a_strange_lease(sender: Sender) -> None:
    """A lease that cannot be read, or was deleted, is somebody's again after a while, with a later token."""
    from nats.js.errors import KeyNotFoundError

    store = await sender.nats.jetstream(timeout=10).key_value("c-leader")

    async def led(after: int) -> int:
        """Return the token once somebody leads who began after a revision."""
        async with asyncio.timeout(60):
            while True:
                try:
                    found = await store.get(KEY)
                    entry = read_entry(found.revision or 0, found.value or b"")
                    if entry.holder and entry.token > after:
                        return entry.token
                except (BadRecord, KeyNotFoundError):
                    pass
                await asyncio.sleep(0.1)

    await led(0)
    for strange in (b"", b"x", b'{"holder":[],"term":0,"number":1}'):
        revision = await store.put(KEY, strange)
        assert await led(revision) > revision
    await store.delete(KEY)
    last = (await sender.nats.jetstream().get_last_msg("KV_c-leader", f"$KV.c-leader.{KEY}")).seq or 0
    assert await led(last) > last


async def a_strange_plan(cluster: Cluster, sender: Sender) -> None:
    """A plan that cannot be read ends no gateway; they go on by the one that they know."""
    store = await sender.nats.jetstream(timeout=10).key_value("c-placement")
    good = (await store.get(PLAN)).value or b""
    document = orjson.loads(good)
    strange = [b"", b"x", *(orjson.dumps(document | wrong) for wrong in ({"roles": {"n1": []}}, {"nodes": [[]]}))]
    before = gateways(cluster)
    for each in strange:
        await store.put(PLAN, each)
        await sender.run([{"kind": "marker", "method": "mark", "args": [str(cluster.folder), "x"]}])
    await until(lambda: all("this is no plan" in node.log for node in cluster.nodes.values()), 30)
    assert gateways(cluster) == before
    await store.put(PLAN, good)
    assert (await Placing(sender.nats.jetstream(), "c", 1).read()).nodes == NAMES


async def a_lost_node(cluster: Cluster) -> None:
    """What every node is to do is done by those that are heard, and the lost one is named."""
    n1, n2 = cluster.nodes.values()
    task = {"kind": "marker", "method": "mark", "args": [str(cluster.folder), "all"]}
    assert n2.gateway is not None
    n1.tell(heartbeat_s=0.3)
    os.kill(n2.gateway.pid, signal.SIGSTOP)
    try:
        done, lost = (await ordered(n1, do="broadcast", task=task))["nodes"]
        assert (done["node"], done["ok"], done["value"][-1]) == ("n1", True, "all")
        assert (lost["node"], lost["ok"], lost["error"]["type"]) == ("n2", False, "Unavailable")
        assert "n2 is not heard" in lost["error"]["message"]
        [lost] = (await ordered(n1, do="broadcast", task=task, capability="gpu"))["nodes"]
        assert lost["node"] == "n2"
    finally:
        os.kill(n2.gateway.pid, signal.SIGCONT)
    refused = await ordered(n1, 2, do="broadcast", task={"kind": "nobody", "method": "x"})
    assert "no node of the cluster has what this task is for" in refused["said"]


async def a_changed_lease(cluster: Cluster, sender: Sender) -> None:
    """A queue is leased for as long as the node says that needs longest: at once for longer, and again for no longer."""
    context = sender.nats.jetstream(timeout=10)

    async def waits() -> set[float | None]:
        return {each.config.ack_wait for each in await context.consumers_info("c-tasks") if "queue-any" in each.name}

    n1, n2 = cluster.nodes.values()
    assert await waits() == {1.5}
    for node, lease_s, wanted in ((n1, 6.0, 6.0), (n2, 2.5, 6.0), (n1, 1.5, 2.5)):
        node.tell(task_lease_s=lease_s)
        node.kill_gateway()
        node.start_gateway()
        await node.joined()
        async with asyncio.timeout(60):
            while await waits() != {wanted}:
                await asyncio.sleep(0.1)


async def a_stranger(cluster: Cluster, sender: Sender) -> None:
    """An agent that is in the way holds a step up: it is named, all agents are asked where they are, and it is taken back."""
    n1, n2 = cluster.nodes.values()
    for node in (n1, n2):
        await ordered(node, do="spawn", kind="till", use=["till.py:Till"], folder=str(node.folder), count=40)
    mine = [key for key in range(40) if place(f"till/{key}", NAMES) == "n1"]
    async with Client(environ=n2.commands.environ) as client:
        await client.spawn("till", keys=keyset(mine[:1]))
    told = await ordered(n1, do="drain", node="n1", wait_s=3)
    assert (told["is_settled"], told["waits_for"], list(told["why"])) == (False, ["n2"], ["n2"])
    assert f"till/{mine[0]}" in told["why"]["n2"]
    pays = [{"agent": f"till/{key}", "method": "pay", "args": [1]} for key in range(40)]
    assert [(each.value, each.error) for each in await sender.run(pays, timeout_s=60)] == [(1, None)] * 40
    assert (await ordered(n1, do="undrain", node="n1"))["nodes"] == list(NAMES)

    await ordered(n1, do="drain", node="n1", wait_s=0)
    paying = asyncio.ensure_future(sender.run(pays, timeout_s=120))
    async with Client(environ=n2.commands.environ) as client:
        await client.remove("till", mine[:1])
    assert (await ordered(n1, do="drain", node="n1"))["nodes"] == ["n2"]
    assert [(each.value, each.error) for each in await paying] == [(2, None)] * 40
    assert [(each.value, each.error) for each in await sender.run(pays, timeout_s=60)] == [(3, None)] * 40


def prepared(node: Node) -> None:
    (node.folder / "till.py").write_text(TILL)


async def test_what_is_strange_harms_nobody_for_long(tmp_path: Path) -> None:
    async with clusters(tmp_path, NAMES, agents=0, prepared=prepared) as cluster, cluster.sender() as sender:
        for node in cluster.nodes.values():
            await ordered(node, do="spawn", kind="marker", count=16)
        await a_strange_lease(sender)
        await a_strange_plan(cluster, sender)
        await a_changed_lease(cluster, sender)
        await a_lost_node(cluster)
        await a_stranger(cluster, sender)
