"""A primary that is lost is followed by the backup, and not by a worker; that is followed by the primary, once it is back."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.support.nodes import Cluster, Node, clusters
from tests.support.processes import until

#: Engines, servers and gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(240)

ROLES = {"n1": "worker", "n2": "primary", "n3": "backup"}
ROUNDS = 3


def newest(cluster: Cluster) -> tuple[int, str]:
    """The highest token that a node has led with, and that node; 0 for nobody."""
    terms = ((int(token), name) for name, node in cluster.nodes.items() for token in re.findall(r"with token (\d+)", node.log))
    return max(terms, default=(0, ""))


async def test_the_backup_follows_a_primary_that_is_lost(tmp_path: Path) -> None:
    def prepared(node: Node) -> None:
        node.tell(role=ROLES[node.name])

    async with clusters(tmp_path, tuple(ROLES), prepared=prepared) as cluster:
        await until(lambda: newest(cluster)[0] > 0, 60)
        for _ in range(ROUNDS):
            token, leader = newest(cluster)
            cluster.nodes[leader].kill_gateway()
            lost_s = time.monotonic()
            await until(lambda token=token: newest(cluster)[0] > token, 60)  # type: ignore[misc]
            print(f"{leader} ({ROLES[leader]}) was lost: {newest(cluster)[1]} led after {time.monotonic() - lost_s:.1f} s")
            assert ROLES[newest(cluster)[1]] == ("backup" if ROLES[leader] == "primary" else "primary")
            cluster.nodes[leader].start_gateway()
            await cluster.nodes[leader].joined()
            assert newest(cluster)[0] > token
