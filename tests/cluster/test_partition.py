"""A node whose cable is pulled at work, while it leads: another leads and does its tasks; plugged in again, it comes second."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

import pytest

from tests.support.hosts import hosts, why_not
from tests.support.nodes import Node, clusters
from tests.support.processes import until

REASON = why_not() if os.environ.get("ENGINE_CLUSTER_TEST") else "a longer proof: make cluster-test"

pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(300)]


def tokens(node: Node) -> list[int]:
    return [int(token) for token in re.findall(r"leads, with token (\d+)", node.log)]


async def test_a_leader_without_a_cable_leads_no_more_and_its_tasks_are_recorded_once(tmp_path: Path) -> None:
    with hosts(2) as on:
        async with clusters(tmp_path, ("n1", "n2"), on=on) as cluster, cluster.sender() as sender:
            nodes = list(cluster.nodes.values())
            await until(lambda: any(map(tokens, nodes)), 60)
            led = next(at for at, node in enumerate(nodes) if tokens(node))
            leader, other = nodes[led], nodes[1 - led]
            hold = tmp_path / "hold"
            hold.touch()
            words = [f"w{at}" for at in range(12)]
            tasks = [{"kind": "marker", "method": "mark", "args": [str(tmp_path), word]} for word in words]
            futures = await sender.send(tasks, envelope_tasks=1)
            await until(lambda: set(cluster.runs()) == set(words), 60)
            await until(lambda: leader.name in sender.members and sender.members[leader.name].heartbeat.running, 60)

            on[led].cut()
            cut_s = time.monotonic()
            await until(lambda: tokens(other), 60)
            took_over_s = time.monotonic() - cut_s
            await until(lambda: "leads no more" in leader.log, 60)
            assert tokens(other)[0] > max(tokens(leader))
            await until(lambda: sender.members.get(leader.name) is None or sender.members[leader.name].state == "offline", 60)
            offline_s = time.monotonic() - cut_s
            await until(lambda: all(cluster.runs().count(word) >= 1 for word in words) and len(cluster.runs()) > len(words), 60)
            hold.unlink()
            done = await asyncio.wait_for(asyncio.gather(*futures), 90)
            assert [outcome.error for outcome in done if outcome.error is not None] == []

            on[led].mend()
            await until(lambda: leader.name in sender.members and sender.members[leader.name].state == "online", 90)
            await until(lambda: sender.members[leader.name].heartbeat.running == 0, 90)
            found = await cluster.recorded(sender)
            assert sorted(found.values()) == [1] * len(words)
            fences = [node.folder / "fence" for node in nodes]
            await until(lambda: fences[0].read_text() == fences[1].read_text(), 60)
            print(f"lease 2 s: another led after {took_over_s:.1f} s; offline limit 2 s: offline after {offline_s:.1f} s")
