"""A host on which everything ends at once while it is much of the cluster: the others go on, and `up` brings it back whole.

Four hosts on a network of their own, three of them with servers. Only `make cluster-test` runs it; it prints how long it took.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from random import Random

import pytest

from engine.cluster.placement import place
from tests.support.commands import Commands
from tests.support.grid import Grid, Station, grids
from tests.support.lan import why_not
from tests.support.processes import until
from tests.support.steady import Steady, steady

REASON = why_not() if os.environ.get("ENGINE_CLUSTER_TEST") else "a proof of some minutes: make cluster-test"

pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON or "-"), pytest.mark.timeout(900)]

#: Seconds that anything may take on a machine with other work.
WITHIN_S = 120


async def lose(grid: Grid, load: Steady, node: Station) -> str:
    """Have all of a node end at once, look whether the others go on, and bring it up again; returns how long that took."""
    token = max(grid.leader().tokens())
    others = [other for other in grid.nodes.values() if other is not node]
    lost_s = time.monotonic()
    gone = await asyncio.to_thread(node.kill)
    assert len(gone) >= 8
    led = grid.leader() is node
    if led:
        await until(lambda: any(max(other.tokens(), default=0) > token for other in others), WITHIN_S)
    led_s = time.monotonic() - lost_s
    key = next(key for key in range(40) if place(f"counter/{key}", list(grid.nodes)) == node.name)
    named = await load.send([{"agent": f"counter/{key}", "method": "get"}] * 10, 5)
    free = await load.send([{"kind": "counter", "method": "get"}] * 40, 5)
    done = await asyncio.wait_for(asyncio.gather(*free), WITHIN_S)
    assert [outcome.error for outcome in done if outcome.error is not None] == []
    went_on_s = time.monotonic() - lost_s
    assert named
    assert not any(future.done() for future in named)
    seen = await asyncio.to_thread(grid.command, "stats", code=1)
    assert seen["fabric"]["members"][node.name]["state"] in ("offline", "silent")

    again_s = time.monotonic()
    told = await asyncio.to_thread(grid.up)
    assert [one["state"] for one in told["nodes"]] == ["done"] * len(grid.nodes)
    assert {one["node"] for one in told["nodes"] if one["is_attended_anew"]} == {node.name}
    await asyncio.wait_for(asyncio.gather(*named), WITHIN_S)
    back_s = time.monotonic() - again_s
    said = f"{len(gone)} processes killed; " + (f"another led after {led_s:.1f} s, " if led else "")
    return f"{said}tasks for kinds were done after {went_on_s:.1f} s; its own {back_s:.1f} s after `up` was typed"


async def test_a_host_that_is_lost_whole_comes_back_whole(engine: Commands, tmp_path: Path, chance: Random) -> None:
    async with grids(engine, tmp_path, 4) as grid, grid.sender() as sender, steady(grid, sender, chance) as load:
        await until(lambda: set(sender.members) == set(grid.nodes) and load.marks > 20, WITHIN_S)
        for what in ("primary", "leader", "leader of the servers"):
            await grid.whole(sender, WITHIN_S)
            node = {"primary": grid.nodes["n1"], "leader": grid.leader()}.get(what, grid.metaleader())
            print(f"{what} {node.name}: {await lose(grid, load, node)}", flush=True)
        print(await load.end())
