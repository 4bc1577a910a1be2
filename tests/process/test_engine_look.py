"""One agent of a real engine, looked at from outside: nobody is woken, what runs, waits and hangs is told with its age."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from pools.counter import Counter
from pools.errors import BadAddress, UnknownAgent, UnknownKind
from pools.spec import PoolSpec
from tests.support.agents import Doer, Waiter
from tests.support.processes import until

POOLS = [PoolSpec("a", agents=2_000), PoolSpec("b", agents=2_000, workers=2)]


async def test_state_mailbox_last_tasks_and_accepted_ones_are_told(tmp_path: Path) -> None:
    async with Engine(kinds=[Counter, Waiter, Doer], pools=POOLS, data=tmp_path / "data") as engine:
        await engine.spawn(Counter, 30)
        await engine.spawn(Waiter, 3)
        await engine.spawn(Doer, 3)
        dormant = await engine.look("counter/29")
        assert (dormant["status"], dormant["state"], dormant["last"]) == ("dormant", {"total": 0}, [])
        await engine.ask("counter/3", "add", 5)
        (number,) = await engine.submit([("counter/3", "add", 2)])
        await engine.result(number, wait_s=10)
        told = await engine.look("counter/3")
        pool, worker = engine.swarm.placement.worker_of("counter", 3)
        assert (told["pool"], told["worker"]) == (engine.swarm.pools[pool].name, engine.swarm.pools[pool].seats[worker].name)
        assert (told["status"], told["state"], told["worker_state"]) == ("idle", {"total": 7}, "running")
        assert [(one["method"], one["error"]) for one in told["last"]] == [("add", None)] * 2
        assert [(one["id"], one["state"]) for one in told["tasks"]] == [(number, "done")]
        with pytest.raises(Exception, match="as told"):
            await engine.ask("doer/1", "do", "fail")
        failed = await engine.look("doer/1")
        assert failed["restarts"] == 1
        assert "ValueError: as told" in failed["failures"][0]["error"]
        assert "ValueError: as told" in failed["last"][0]["error"]
        waits = [engine.ask("waiter/1", "wait", 0.5) for _ in range(3)]
        await asyncio.sleep(0.2)
        busy = await engine.look("waiter/1")
        assert (busy["status"], busy["running"]["method"], busy["mailbox_count"]) == ("run", "wait", 2)
        assert 0.05 < busy["running"]["for_s"] < 5
        assert all(one["method"] == "wait" and 0.05 < one["age_s"] < 5 for one in busy["mailbox"])
        assert busy["queued"] == []
        await asyncio.gather(*waits)


async def test_what_a_worker_keeps_asleep_is_told_after_a_restart_and_stays_asleep(tmp_path: Path) -> None:
    async with Engine(kinds=[Counter], pools=POOLS[:1], data=tmp_path / "data") as engine:
        await engine.spawn(Counter, 5)
        await engine.ask("counter/3", "add", 5)
    async with Engine(kinds=[Counter], pools=POOLS[:1], data=tmp_path / "data") as engine:
        for _ in range(2):
            told = await engine.look("counter/3")
            assert (told["status"], told["state"]) == ("asleep", {"total": 5})
        assert engine.stats().agents["live"] == 0


async def test_one_that_hangs_is_told_by_the_gauges_and_the_others_are_not_waited_for() -> None:
    async with Engine(kinds=[Counter, Doer], pools=[PoolSpec("a", agents=100, workers=1)]) as engine:
        await engine.spawn(Counter, 10)
        await engine.spawn(Doer, 3)
        await engine.ask("counter/1", "add", 1)
        hanging = engine.ask("doer/1", "do", "stall", 0.9)
        seat = engine.swarm.pools[0].seats[0]
        await until(lambda: seat.running == ("doer/1", "do"))
        told: dict[str, Any] = await engine.look("doer/1")
        if told["status"] == "unknown":  # it did not answer within a second
            assert told["running"]["method"] == "do"
            assert told["unreadable"]
        await asyncio.wait([hanging])


async def test_what_is_not_there_is_named() -> None:
    async with Engine(kinds=[Counter], pools=POOLS[:1]) as engine:
        await engine.spawn(Counter, 5)
        for address, error in (("counter/9", UnknownAgent), ("nobody/1", UnknownKind), ("counter", BadAddress)):
            with pytest.raises(error):
                await engine.look(address)
