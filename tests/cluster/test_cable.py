"""Hosts of a cluster that lose their cable at work, whatever they are in it: nothing accepted is lost, nothing counts twice.

Four hosts on a network of their own, three of them with servers that speak TLS; `engine cluster up` made them one. Only `make
cluster-test` runs it; it prints how long it took to find out, and to go on elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from engine.cluster.placement import place
from engine.cluster.sender import Sender
from tests.support.candidates import Candidates, candidates
from tests.support.commands import Commands
from tests.support.grid import DRIVES, LEADS, Grid, Station, grids
from tests.support.lan import why_not
from tests.support.processes import until
from tests.support.steady import Steady, steady

REASON = why_not() if os.environ.get("ENGINE_CLUSTER_TEST") else "a proof of some minutes: make cluster-test"

pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON or "-"), pytest.mark.timeout(900)]

#: Seconds that anything may take on a machine with other work.
WITHIN_S = 120
#: More tasks than a node has at once that has not to wait for them.
HELD = 60
#: Between two looks at what the nodes said.
LOOK_S = 0.1


async def worker(grid: Grid, _sender: Sender, _group: Candidates) -> Station:
    return next(node for node in grid.nodes.values() if not node.has_server)


async def leader(grid: Grid, _sender: Sender, _group: Candidates) -> Station:
    return grid.leader()


async def candidate(grid: Grid, _sender: Sender, group: Candidates) -> Station:
    return grid.nodes[(await group.elected())[0]]


async def metaleader(grid: Grid, _sender: Sender, _group: Candidates) -> Station:
    return grid.metaleader()


async def streamleader(grid: Grid, sender: Sender, _group: Candidates) -> Station:
    return await grid.streamleader(sender)


def state(sender: Sender, node: Station) -> str:
    member = sender.members.get(node.name)
    return "offline" if member is None else member.state


async def cut(grid: Grid, sender: Sender, load: Steady, node: Station) -> str:
    """Pull the cable of a node that has work, look at what follows, and plug it in; returns how long that took."""
    node.hold.touch()
    await until(lambda: node.name in sender.members and sender.members[node.name].heartbeat.running > HELD, WITHIN_S)
    led, drove = (grid.leader(word) is node for word in (LEADS, DRIVES))
    tokens = max(node.tokens(), default=0), max(node.tokens(DRIVES), default=0)
    begun, times = Counter(grid.runs()), {}

    node.host.cut()
    cut_s = time.monotonic()

    async def when(name: str, claim: Callable[[], object]) -> None:
        while not claim():
            assert time.monotonic() < cut_s + WITHIN_S, f"{node.name} was cut off: not {name} after {WITHIN_S} s"
            await asyncio.sleep(LOOK_S)
        times[name] = time.monotonic() - cut_s

    def again() -> bool:
        now = Counter(grid.runs())
        return any(now[word] > times for word, times in begun.items())

    looks: list[Awaitable[None]] = [when("offline", lambda: state(sender, node) == "offline"), when("done elsewhere", again)]
    if led:
        looks.append(when("another leads", lambda: max(grid.leader().tokens()) > tokens[0]))
        looks.append(when("leads no more", lambda: node.log.count("leads no more") >= len(node.tokens())))
    if drove:
        looks.append(
            when("another drives", lambda: max(grid.leader("drives the sprints").tokens("drives the sprints")) > tokens[1])
        )
    await asyncio.gather(*looks)
    node.hold.unlink()
    key = next(key for key in range(40) if place(f"counter/{key}", list(grid.nodes)) == node.name)
    named = await load.send([{"agent": f"counter/{key}", "method": "get"}] * 10, 5)
    others = await load.send([{"kind": "counter", "method": "get"}] * 40, 5)
    assert named
    assert others
    done = await asyncio.wait_for(asyncio.gather(*others), WITHIN_S)
    assert [outcome.error for outcome in done if outcome.error is not None] == []
    assert not any(future.done() for future in named)

    node.host.mend()
    cut_s = time.monotonic()
    await asyncio.wait_for(
        asyncio.gather(when("back", lambda: state(sender, node) == "online"), asyncio.gather(*named)), WITHIN_S
    )
    times["its own were done"] = time.monotonic() - cut_s
    return ", ".join(f"{name} after {seconds:.1f} s" for name, seconds in times.items())


async def test_a_cable_that_is_pulled_loses_nothing(engine: Commands, tmp_path: Path, chance: Random) -> None:
    async with grids(engine, tmp_path, 4) as grid, grid.sender() as sender:
        with candidates(tmp_path, grid.access) as group:
            for node in grid.nodes.values():
                group.start(node.name, prefix=node.host.prefix)
            async with steady(grid, sender, chance) as load:
                await until(lambda: set(sender.members) == set(grid.nodes) and load.marks > 20, WITHIN_S)
                for who in (worker, leader, candidate, metaleader, streamleader):
                    await grid.whole(sender, WITHIN_S)
                    node = await who(grid, sender, group)
                    print(f"{who.__name__} {node.name}: {await cut(grid, sender, load, node)}", flush=True)
                print(await load.end())
            group.check()
