"""A job on many nodes: each has its own end."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.cluster.fanout import FanOut
from engine.cluster.node import Address, Node
from engine.cluster.outcome import NodeFailed, Outcome, code_of

NODES = [Node(f"n{at}", Address(f"h{at}"), "worker", 1) for at in range(6)]


def quiet(_node: Node, _outcome: Outcome | None) -> None:
    return


async def test_whatever_one_job_raises_is_its_own_outcome() -> None:
    async def job(node: Node) -> str:
        match node.id:
            case "n1":
                raise NodeFailed("no", state="refused", mend="do")
            case "n2":
                raise OSError(28, "full")
            case "n3":
                await asyncio.get_running_loop().create_future()
        return node.id

    told: list[str] = []
    fanning = FanOut(job, limit=2, deadline_s=0.05, told=lambda node, outcome: told.append(node.id) if outcome else None)
    outcomes = await fanning.run(NODES)
    assert [one.state for one in outcomes] == ["done", "refused", "failed", "timeout", "done", "done"]
    assert outcomes[1].mend == "do"
    assert outcomes[4].value == "n4"
    assert Counter(told) == Counter(node.id for node in NODES)
    assert code_of(outcomes) == 1
    assert code_of(outcomes[:1]) == 0
    assert code_of(outcomes[1:2]) == 3


async def test_no_more_than_the_limit_are_at_work() -> None:
    now = most = 0

    async def job(_node: Node) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1

    await FanOut(job, limit=3, deadline_s=None, told=quiet).run(NODES)
    assert most == 3


async def test_an_end_stops_those_that_run_and_those_that_wait() -> None:
    begun: list[str] = []
    ended: list[str] = []
    full = asyncio.Event()

    async def job(node: Node) -> None:
        begun.append(node.id)
        if len(begun) == 2:
            full.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(node.id)

    fanning = FanOut(job, limit=2, deadline_s=None, told=quiet)
    running = asyncio.create_task(fanning.run(NODES))
    await full.wait()
    fanning.end()
    assert {one.state for one in await running} == {"interrupted"}
    assert begun == ended == ["n0", "n1"]
